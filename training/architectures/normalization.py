"""Local response normalisation, as AlexNet's paper writes it and as the ONNX operator that runtimes have for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class LocalResponseNorm(nn.Module):
    """Divides each activation by how active its neighbours in the channel direction are.

    b[c] = a[c] / (k + alpha * sum of a[j]^2 over the n channels around c) ^ beta

    PyTorch, Caffe and ONNX divide alpha by n; the paper does not, and neither does this class. A network that was
    published with Caffe's numbers must pass alpha / n.

    Args:
        size: n, channels in a neighbourhood.
        alpha: the paper's alpha.
        beta: the paper's beta.
        k: the paper's k.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """

    def __init__(self, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Normalise across channels; while exporting, leave one LRN operator in the graph."""
        if torch.onnx.is_in_onnx_export():
            attributes: dict[str, Any] = {
                "size": self.size,
                "alpha": self.alpha * self.size,
                "beta": self.beta,
                "bias": self.k,
            }
            return torch.onnx.ops.symbolic(
                "LRN", (maps_NCHW,), attributes, dtype=maps_NCHW.dtype, shape=maps_NCHW.shape
            )
        channels = maps_NCHW.shape[1]
        before = (self.size - 1) // 2
        squares = functional.pad(maps_NCHW.square(), (0, 0, 0, 0, before, self.size - 1 - before))
        # Slices added up take about half the time of the three-dimensional pooling that PyTorch's own layer uses.
        energy = sum((squares[:, start : start + channels] for start in range(1, self.size)), squares[:, :channels])
        return maps_NCHW / (self.k + self.alpha * energy) ** self.beta

    def extra_repr(self) -> str:
        """Show the constants in the printed network."""
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
