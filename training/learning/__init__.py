"""One run: a network, the pictures it sees, the steps that change it, and what is kept so that it can go on.

`fit.py` goes from epoch to epoch, `loop.py` from step to step; everything a step needs is put together once, in
`ingredients.py`. Nothing here knows ONNX or a published model's manifest.
"""
