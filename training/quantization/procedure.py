"""The story of a quantised file, in order.

    float32 file -> prepared graph -> ranges from training pictures -> forms, measured on held-back pictures
    -> the best form, measured on evaluation pictures -> gate -> the file, or the layers that hurt

Evaluation pictures take no part in any choice: they are looked at once, by the gate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input, Output, Precision
from training.data import Example
from training.publication.evaluation import Predictions, load_session, predict
from training.publication.scores import ranks
from training.quantization.calibration import Calibration
from training.quantization.candidates import Measured, Sparing, best_of, ladder
from training.quantization.errors import QuantizationError
from training.quantization.gate import golden_answer, objections
from training.quantization.inputs import Inputs
from training.quantization.latency import Pace, pace, run_times
from training.quantization.layers import Layer, Layers
from training.quantization.paired import compare
from training.quantization.report import QuantizationReport, Quantized
from training.quantization.sensitivity import Damage, damages
from training.quantization.writing import Fp16Writer, Int8Writer, Writer

_FLOAT32 = "fp32"
_SAMPLED = 100  # pictures on which each layer is tried alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What a network is quantised and judged with; the first two never overlap the third.

    Args:
        calibration: Training pictures that give the ranges; int8 alone needs them.
        selection: Held-back pictures that choose between forms; at least one.
        evaluation: Test pictures, for the gate alone.
        golden: Golden samples by their path in the model folder.

    """

    calibration: Sequence[Example]
    selection: Sequence[Example]
    evaluation: Sequence[Example]
    golden: Mapping[str, Example]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a network is quantised.

    Args:
        precision: `int8` or `fp16`.
        calibrations: Ways to find ranges that are tried.
        max_rise: Largest rise of the top-1 error that is accepted, as a share.
        spare: Layers that stay in float32 in any case, named by their weights.
        turns: How often each file is timed; odd, so that a median is a time that was measured.

    """

    precision: Precision = "int8"
    calibrations: tuple[Calibration, ...] = ("minmax", "percentile")
    max_rise: float = 0.005
    spare: tuple[str, ...] = ()
    turns: int = 15


def quantize(
    network: bytes,
    *,
    spec: Input,
    output: Output,
    pictures: Pictures,
    options: Options,
    say: Callable[[str], None] = lambda _: None,
) -> Quantized:
    """Write a network in fewer bits and judge it.

    Args:
        network: An ONNX file of float32.
        spec: The manifest's input.
        output: The manifest's output.
        pictures: With which.
        options: How.
        say: Told in a line what is done next, because it takes minutes.

    Raises:
        QuantizationError: The network cannot be quantised, or a layer to spare is not in it.
        DataError: A picture cannot be read.

    """
    bench = _Bench.of(network, spec=spec, output=output, pictures=pictures, options=options, say=say)
    measured = bench.measured_forms()
    chosen = best_of(list(measured))
    file = measured[chosen]
    say(f"evaluating {options.precision} beside fp32 on {len(pictures.evaluation):,} pictures")
    report = _judged(network, file, bench=bench, chosen=chosen, measured=tuple(measured))
    if report.accepted:
        return Quantized(report, file)
    say("measuring what each layer does alone")
    return Quantized(dataclasses.replace(report, damages=bench.damages(chosen)), None)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What stays the same while forms of a file are compared."""

    network: bytes
    spec: Input
    output: Output
    pictures: Pictures
    options: Options
    say: Callable[[str], None]
    writer: Writer
    selection: Inputs

    @classmethod
    def of(
        cls,
        network: bytes,
        *,
        spec: Input,
        output: Output,
        pictures: Pictures,
        options: Options,
        say: Callable[[str], None],
    ) -> _Bench:
        if not pictures.selection:
            raise QuantizationError("There is not a single held-back picture to choose between forms with.")
        selection = Inputs.of(pictures.selection, spec=spec)
        writer = _writer(network, spec=spec, output=output, pictures=pictures, options=options, say=say)
        return cls(network, spec, output, pictures, options, say, writer, selection)

    def measured_forms(self) -> dict[Measured, bytes]:
        """Write every form and measure it on the held-back pictures."""
        before_NK = self.probabilities(self.network)
        found = {}
        choices = ladder(self.writer.layers, always=_named(self.options.spare, self.writer.layers))
        if self.options.precision == "fp16":
            choices = choices[:1]  # sparing layers is weighed against time, and float16 gains its time on a GPU alone
        for sparing in choices:
            self.say(f"trying {self.options.precision} with {sparing.name} in float32")
            written = {
                calibration: self.writer.write(calibration=calibration, spared=sparing.spared)
                for calibration in self.writer.calibrations
            }
            time_taken = self.pace(next(iter(written.values())))  # ranges change numbers and no work
            for calibration, file in written.items():
                found[self._form(file, calibration, sparing, before_NK, time_taken)] = file
        if not found:
            raise QuantizationError("Every layer is to be spared, so nothing would change.")
        return found

    def pace(self, file: bytes) -> Pace:
        """Time a file beside float32's on one picture, or on one batch where the network takes no other."""
        sessions = {
            name: load_session(one, spec=self.spec, output=self.output)
            for name, one in ((_FLOAT32, self.network), ("file", file))
        }
        size = sessions[_FLOAT32].fixed_batch or 1
        batch = next(iter(self.selection.batches(size, whole=True)))
        times = run_times(sessions, batch, turns=self.options.turns)
        return pace(times[_FLOAT32], times["file"])

    def damages(self, chosen: Measured) -> tuple[Damage, ...]:
        """Try each layer alone, on some of the held-back pictures."""
        sample = self.selection.first(_SAMPLED)

        def probabilities_of(layers: Sequence[Layer]) -> NDArray[np.float32]:
            alone = self.writer.write_alone(layers, calibration=chosen.calibration)
            return sample.probabilities(alone, spec=self.spec, output=self.output)

        reference_NK = sample.probabilities(self.network, spec=self.spec, output=self.output)
        return damages(self.writer.layers.all, reference_NK=reference_NK, probabilities_of=probabilities_of)

    def probabilities(self, file: bytes) -> NDArray[np.float32]:
        """Classify the held-back pictures."""
        return self.selection.probabilities(file, spec=self.spec, output=self.output)

    def predictions(self, file: bytes, examples: Sequence[Example]) -> Predictions:
        """Classify encoded pictures as the service does."""
        session = load_session(file, spec=self.spec, output=self.output)
        return predict(session, examples, spec=self.spec, output=self.output)

    def _form(
        self, file: bytes, calibration: str, sparing: Sparing, before_NK: NDArray[np.float32], time_taken: Pace
    ) -> Measured:
        comparison = compare(before_NK, self.probabilities(file), self.selection.labels_N)
        return Measured(
            calibration=calibration,
            sparing=sparing.name,
            spared=tuple(dict.fromkeys(map(str, sparing.spared))),
            error=comparison.error_after,
            changed=comparison.disagreements / comparison.n,
            ratio=time_taken.ratio,
        )


def _writer(
    network: bytes,
    *,
    spec: Input,
    output: Output,
    pictures: Pictures,
    options: Options,
    say: Callable[[str], None],
) -> Writer:
    if options.precision == "fp16":
        return Fp16Writer.of(network)
    if not pictures.calibration:
        raise QuantizationError("int8 needs training pictures to find ranges with, and there is not a single one.")
    say(f"finding ranges on {len(pictures.calibration):,} training pictures")
    return Int8Writer.of(
        network,
        calibrations=options.calibrations,
        inputs=Inputs.of(pictures.calibration, spec=spec),
        spec=spec,
        fixed_batch=load_session(network, spec=spec, output=output).fixed_batch,
    )


def _named(names: Sequence[str], layers: Layers) -> tuple[Layer, ...]:
    """Find layers by the name that reports give them, or by that of their weights."""
    known = {str(layer).split(" ", maxsplit=1)[0] for layer in layers.all}
    for name in names:
        if name.split(" ", maxsplit=1)[0] not in known:
            raise QuantizationError(f"There is no layer {name!r} to spare; layers are {', '.join(sorted(known))}.")
    wanted = {name.split(" ", maxsplit=1)[0] for name in names}
    return tuple(layer for layer in layers.all if str(layer).split(" ", maxsplit=1)[0] in wanted)


def _judged(
    network: bytes, file: bytes, *, bench: _Bench, chosen: Measured, measured: tuple[Measured, ...]
) -> QuantizationReport:
    """Measure the chosen form where it counts."""
    options, pictures = bench.options, bench.pictures
    before, after = (bench.predictions(one, pictures.evaluation) for one in (network, file))
    comparison = compare(before.probabilities_NK, after.probabilities_NK, after.labels_N)
    golden = tuple(
        golden_answer(
            name,
            before_K=bench.predictions(network, [example]).probabilities_NK[0],
            after_K=bench.predictions(file, [example]).probabilities_NK[0],
        )
        for name, example in pictures.golden.items()
    )
    against = objections(comparison, golden, precision=options.precision, max_rise=options.max_rise)
    return QuantizationReport(
        precision=options.precision,
        accepted=not against,
        objections=against,
        max_rise=options.max_rise,
        comparison=comparison,
        top5_error=float((ranks(after.probabilities_NK, after.labels_N) >= 5).mean()),
        chosen=chosen,
        measured=measured,
        selection_pictures=len(pictures.selection),
        calibration_pictures=len(pictures.calibration) if options.precision == "int8" else 0,
        pace=bench.pace(file),
        bytes_before=len(network),
        bytes_after=len(file),
        golden=golden,
        damages=(),
    )
