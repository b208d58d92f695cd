"""Serves image classifiers over HTTP: FastAPI in front, ONNX Runtime behind."""
