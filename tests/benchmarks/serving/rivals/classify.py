"""What every rival does with a picture, as tutorials for these frameworks write it: Pillow, NumPy, ONNX Runtime.

The environment says what is served: `NETWORK` (an ONNX file), `SIDE` (pixels), `INTRA` (threads of one run). These
files run in the rivals' own environments, so they import nothing of this project; that every rival gives the service's
answer to the same picture is checked when it has started.
"""

import io
import os

import numpy as np
import onnxruntime as ort
from PIL import Image

_SIDE = int(os.environ.get("SIDE", "224"))
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_TOP = 5


class Classifier:
    """One network, loaded."""

    def __init__(self):
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("INTRA", "1"))
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(os.environ["NETWORK"], options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, data):
        """Classify the picture in these bytes."""
        probabilities = self._session.run(None, {self._input: _batch_of(data)})[0][0]
        order = np.argsort(probabilities)[::-1][:_TOP]
        return {
            "predictions": [{"label": f"class_{index}", "probability": float(probabilities[index])} for index in order]
        }


def _batch_of(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = _SIDE / min(image.size)
    # whole pixels as torchvision's Resize gives them
    width, height = (_SIDE if side == min(image.size) else int(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - _SIDE) / 2), round((height - _SIDE) / 2)
    image = image.crop((left, top, left + _SIDE, top + _SIDE))
    values_HWC = (np.asarray(image, dtype=np.float32) / 255 - _MEAN) / _STD
    return np.ascontiguousarray(values_HWC.transpose(2, 0, 1)[None])
