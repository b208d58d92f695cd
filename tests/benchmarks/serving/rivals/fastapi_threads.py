"""FastAPI with the network on threads: one process, `WORKERS` threads that classify, no bound on what waits."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import orjson
import uvicorn
from classify import Classifier
from fastapi import FastAPI, Request, Response

_threads = ThreadPoolExecutor(int(os.environ.get("WORKERS", "1")))


@asynccontextmanager
async def lifespan(app):
    """Load the network."""
    app.state.classify = Classifier()
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(request: Request) -> Response:
    """Classify on a thread."""
    data = await request.body()
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(_threads, request.app.state.classify, data)
    return Response(orjson.dumps(answer), media_type="application/json")


@app.get("/livez")
async def livez() -> Response:
    """Answer."""
    return Response(b"ok")


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning")
