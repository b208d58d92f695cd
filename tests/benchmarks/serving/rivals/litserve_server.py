"""LitServe: `WORKERS` processes with the network behind as many that speak HTTP; it takes pictures in forms only."""

import os

import litserve
from classify import Classifier


class Classify(litserve.LitAPI):
    """The steps of one request."""

    def setup(self, device):
        """Load the network."""
        del device
        self._classify = Classifier()

    def decode_request(self, request):
        """Take the part of the form."""
        return request["file"].file.read()

    def predict(self, x):
        """Classify."""
        return self._classify(x)

    def encode_response(self, output):
        """Leave the answer as it is."""
        return output


if __name__ == "__main__":
    workers = int(os.environ["WORKERS"])
    server = litserve.LitServer(Classify(), accelerator="cpu", devices=1, workers_per_device=workers)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=workers,
        log_level="warning",
        generate_client_file=False,
    )
