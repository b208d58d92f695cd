"""An honest look at a published model: where it errs, how sure it is, what upsets it, what it costs.

Everything goes through the code that serves: decoder, preprocessing, ONNX Runtime. `assess.py` tells the story in
order; each other file holds one kind of measurement and knows nothing of the others.

Axes of arrays: N pictures, K classes, H rows, W columns, C channels.
"""
