"""One ONNX network in ONNX Runtime; the only importer of onnxruntime.

The runtime falls back to the CPU without a word when a provider cannot start, so `Session.provider` is read back from
the session after it was made. It loads from bytes, so that what runs is what was hashed, or from what
`write_optimized` made of such bytes: a graph that needs no more work, and its weights in a file of their own that is
mapped into memory, so that every session and process that loads it shares them.

Knows tensors; neither pictures nor manifests nor disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

# Read by the runtime while it is imported: later is too late, and by default it reports to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.errors import ConfigurationError, InferenceError

Tensor: TypeAlias = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

_SHORT_NAMES: Final = {long: short for short, long in PROVIDERS.items()}
WEIGHTS_FILE: Final = "weights.bin"
RUNTIME: Final = f"onnxruntime-{ort.__version__}"
_FATAL_LEVEL: Final = 4
_ERROR_LEVEL: Final = 3  # the runtime's own log shows errors and worse; what it warns of is reported here as facts
# The runtime's exceptions share no base but Exception, so they are collected from the module that defines them.
_RUNTIME_ERRORS: Final[tuple[type[Exception], ...]] = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(ort.capi.onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)


@dataclass(frozen=True, slots=True)
class Session:
    """A loaded network; `run` may be called from several threads at once.

    Args:
        provider: Execution provider that is really in use: `cpu` or `cuda`.
        fixed_batch: The only batch size the network takes, or None where any is fine.
        load: Use `Session.load`; the remaining fields are the runtime's.

    """

    provider: str
    fixed_batch: int | None
    _runtime: ort.InferenceSession
    _input_name: str
    _output_name: str

    @classmethod
    def load(
        cls,
        model: bytes | Path,
        *,
        input_name: str,
        output_name: str,
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
        batch: int | None = None,
        quiet: bool = False,
    ) -> Self:
        """Load a network.

        Args:
            model: The bytes of one ONNX file; external data would be looked up in the working folder, so callers refuse
                it before. Or the path of a file that `write_optimized` wrote on this machine.
            input_name: The tensor that takes pictures.
            output_name: The tensor that holds one row per picture.
            providers: Keys of `PROVIDERS`, best first; the CPU stands behind them all.
            threads: Threads for one run on the CPU.
            batch: The only batch size to run, where the network itself does not say.
            quiet: Whether the runtime is to keep its own lines about failures to itself, for runs that may fail.

        Raises:
            ConfigurationError: A provider that is none of `PROVIDERS`.
            InferenceError: The runtime does not take the file, or it has no such tensors.

        """
        try:
            options = _options(threads, quiet=quiet)
            if isinstance(model, Path):
                options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            source = str(model) if isinstance(model, Path) else model
            runtime = ort.InferenceSession(source, options, providers=_available(providers))
            declared = {tensor.name: tensor.shape for tensor in runtime.get_inputs()}  # may be no UTF-8
            outputs = [tensor.name for tensor in runtime.get_outputs()]
        except _RUNTIME_ERRORS as error:
            raise InferenceError(f"ONNX Runtime {ort.__version__} does not load the network: {error}") from error
        _require_tensor("input", input_name, names=list(declared))
        _require_tensor("output", output_name, names=outputs)
        shape = declared[input_name]
        size = shape[0] if shape else None  # a file need not say anything about shapes
        return cls(
            provider=_SHORT_NAMES.get(runtime.get_providers()[0], runtime.get_providers()[0]),
            fixed_batch=size if isinstance(size, int) and size > 0 else batch,
            _runtime=runtime,
            _input_name=input_name,
            _output_name=output_name,
        )

    def bind(self, example: Tensor) -> BoundRun:
        """Keep memory on the device for batches of one shape.

        Args:
            example: A batch of that shape and type.

        Raises:
            InferenceError: The device does not have the memory.

        """
        device = "cuda" if self.provider == "cuda" else "cpu"
        try:
            value = ort.OrtValue.ortvalue_from_numpy(example, device, 0)
            binding = self._runtime.io_binding()
            binding.bind_ortvalue_input(self._input_name, value)
            binding.bind_output(self._output_name, "cpu")
        except _RUNTIME_ERRORS as error:
            raise InferenceError(
                f"There is no room for a batch of shape {example.shape} on {device}: {error}"
            ) from error
        return BoundRun(self._runtime, binding, value)

    def run(self, batch: Tensor) -> NDArray[np.float32]:
        """Run the network once, or as often as its fixed batch size takes, the last time padded with zeros.

        Args:
            batch: [N, ...] in the layout and type of the network's input.

        Returns:
            [N, classes], or [N, 1] for a single sigmoid, as the network's output tensor holds them.

        Raises:
            InferenceError: The network failed, or gave something that is not one row of finite numbers per picture.

        """
        size = self.fixed_batch
        if size is None or size == len(batch):
            return self._run_once(batch)
        portions = (batch[start : start + size] for start in range(0, len(batch), size))
        return np.concatenate([self._run_once(_padded(portion, size=size))[: len(portion)] for portion in portions])

    def _run_once(self, batch: Tensor) -> NDArray[np.float32]:
        try:
            (output,) = self._runtime.run([self._output_name], {self._input_name: batch})
        except _RUNTIME_ERRORS as error:
            raise InferenceError(f"The network failed on a batch of shape {batch.shape}: {error}") from error
        return _rows(output, pictures=len(batch))


@dataclass(frozen=True, slots=True)
class BoundRun:
    """A network with the memory of one batch shape kept on its device, so that a run allocates and copies once.

    For one thread: two runs at once would write into the same memory.
    """

    _runtime: ort.InferenceSession
    _binding: ort.IOBinding
    _value: ort.OrtValue

    def run(self, batch: Tensor) -> NDArray[np.float32]:
        """Run the network once.

        Args:
            batch: Of the shape and type that was bound.

        Returns:
            As `Session.run`.

        Raises:
            InferenceError: As `Session.run`.

        """
        try:
            self._value.update_inplace(batch)
            self._runtime.run_with_iobinding(self._binding)
            (output,) = self._binding.copy_outputs_to_cpu()
        except _RUNTIME_ERRORS as error:
            raise InferenceError(f"The network failed on a batch of shape {batch.shape}: {error}") from error
        return _rows(output, pictures=len(batch))


def write_optimized(model: bytes, path: Path) -> None:
    """Write what the runtime makes of a network when it loads it on this machine's CPU.

    The file is for this processor and this version of the runtime alone. Its weights lie beside it (`WEIGHTS_FILE`).

    Args:
        model: The bytes of one ONNX file.
        path: Of the file to write; its folder is there and holds no other.

    Raises:
        InferenceError: The runtime does not take the model, or the disk does not take the file.

    """
    options = _options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS_FILE)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    try:
        ort.InferenceSession(model, options, providers=[PROVIDERS["cpu"]])
    except _RUNTIME_ERRORS as error:
        raise InferenceError(f"ONNX Runtime {ort.__version__} does not write the network: {error}") from error


def _padded(portion: Tensor, *, size: int) -> Tensor:
    """Fill a batch up to the only size that a network takes."""
    if len(portion) == size:
        return portion
    batch = np.zeros((size, *portion.shape[1:]), dtype=portion.dtype)
    batch[: len(portion)] = portion
    return batch


def _rows(output: object, *, pictures: int) -> NDArray[np.float32]:
    """Lay an output of the runtime, which may be anything, out as one row of finite numbers per picture."""
    try:
        values: NDArray[np.float32] = np.asarray(output, dtype=np.float32).reshape(pictures, -1)
    except (TypeError, ValueError) as error:
        raise InferenceError(f"The network gave no row of numbers for each of {pictures} pictures: {error}.") from error
    if values.size == 0:
        raise InferenceError("The network gave no values at all.")
    if not np.isfinite(values).all():
        raise InferenceError("The network gave values that are no numbers (NaN or infinite).")
    return values


def _options(threads: int, *, quiet: bool = False) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads  # never left to the runtime, which counts the host's cores in a container
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_LEVEL if quiet else _ERROR_LEVEL
    # The runtime's own format is detected by its bytes too, and nobody has looked into such a file before.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Spinning threads take the cores from the other requests; measured to cost a fifth with two callers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _available(providers: Sequence[str]) -> list[str | tuple[str, dict[str, Any]]]:
    """Name the providers asked for as the runtime does, leaving out those this build does not have."""
    unknown = [name for name in providers if name not in PROVIDERS]
    if unknown:
        raise ConfigurationError(f"There is no provider {unknown[0]!r}; providers are {', '.join(PROVIDERS)}.")
    if "cuda" in providers:
        ort.preload_dlls()  # CUDA comes from wheels, whose folders the dynamic linker does not search
    built_in = ort.get_available_providers()
    wanted = [PROVIDERS[name] for name in providers if PROVIDERS[name] in built_in]
    return list(dict.fromkeys([*wanted, PROVIDERS["cpu"]]))


def _require_tensor(kind: str, name: str, *, names: list[str]) -> None:
    if name not in names:
        raise InferenceError(f"The network has no {kind} tensor {name!r}; it has {', '.join(map(repr, names))}.")
