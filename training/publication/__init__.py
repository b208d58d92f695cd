"""From trained weights to a folder that can be served: ONNX, scores through serving code, samples, manifest, card."""
