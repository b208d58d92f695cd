"""A published network again in fewer bits: int8 for processors, fp16 for GPUs, each behind a gate.

`quantize` takes an ONNX file of float32 and pictures, and gives a smaller file with a report; the file is there only
where it passed the gate: top-1 error on the evaluation pictures, and the golden samples. `with_variant` puts the file
into the contents of a model folder. What is measured goes through the decoder, preprocessing and session that serve.
"""

from __future__ import annotations

import service.engine.session  # noqa: F401  - first of all: it switches off what ONNX Runtime would report to its maker
from training.quantization.procedure import Options, Pictures, quantize
from training.quantization.report import QuantizationReport, Quantized
from training.quantization.variant import with_variant

__all__ = ["Options", "Pictures", "QuantizationReport", "Quantized", "quantize", "with_variant"]
