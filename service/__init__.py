"""Serves image classifiers over HTTP: FastAPI in front, ONNX Runtime behind."""

VERSION = "0.1.0"
