"""FastAPI with the network in the route itself; `WORKERS` processes by uvicorn.

The quickest such route: the raw body, and a Response whose bytes orjson wrote.
"""

import os
from contextlib import asynccontextmanager

import orjson
import uvicorn
from classify import Classifier
from fastapi import FastAPI, Request, Response


@asynccontextmanager
async def lifespan(app):
    """Load the network once per process."""
    app.state.classify = Classifier()
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(request: Request) -> Response:
    """Classify on the event loop."""
    answer = request.app.state.classify(await request.body())
    return Response(orjson.dumps(answer), media_type="application/json")


@app.get("/livez")
async def livez() -> Response:
    """Answer."""
    return Response(b"ok")


if __name__ == "__main__":
    uvicorn.run(
        "fastapi_inline:app",
        port=int(os.environ["PORT"]),
        workers=int(os.environ["WORKERS"]),
        access_log=False,
        log_level="warning",
    )
