"""Mosec: a server in Rust in front of `WORKERS` Python processes, one stage, raw bodies."""

import os

from classify import Classifier
from mosec import Server, Worker


class Classify(Worker):
    """One process with the network."""

    def __init__(self):
        super().__init__()
        self._classify = Classifier()

    def deserialize(self, data):
        """Leave the body as it is."""
        return data

    def forward(self, data):
        """Classify."""
        return self._classify(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classify, num=int(os.environ["WORKERS"]))
    server.run()
