"""`training.quantization`: a trained network goes the whole road, and the gate keeps out what it must."""

from __future__ import annotations

import dataclasses

import onnx
import pytest

from service.artifact import Precision
from tests.model_folders import color_network
from tests.networks import network as plain_network
from tests.networks import node
from tests.training.quantization.small_network import OUTPUT, SPEC
from training.publication.evaluation import load_session, predict
from training.quantization import Options, Pictures, Quantized, quantize
from training.quantization.errors import QuantizationError
from training.quantization.preparation import prepared


def test_accepted_file_errs_as_rarely_as_float32(int8: Quantized, pictures: Pictures) -> None:
    """The figures of the report are those that the file gives through the serving path."""
    report = int8.report
    assert report.accepted
    assert int8.network is not None
    session = load_session(int8.network, spec=SPEC, output=OUTPUT)
    found = predict(session, pictures.evaluation, spec=SPEC, output=OUTPUT)
    wrong = int((found.probabilities_NK.argmax(axis=1) != found.labels_N).sum())
    assert report.comparison.wrong_after == wrong <= 1
    assert report.comparison.n == len(pictures.evaluation)
    assert report.bytes_after == len(int8.network) < report.bytes_before == 36462


def test_file_holds_whole_numbers_and_leaves_the_softmax_alone(int8: Quantized) -> None:
    """The convolutions between are int8; what follows the last layer works in float32."""
    assert int8.network is not None
    model = onnx.load_model_from_string(int8.network)
    makers = {name: one for one in model.graph.node for name in one.output}
    (softmax,) = (one for one in model.graph.node if one.op_type == "Softmax")
    assert makers[softmax.input[0]].op_type == "Mul"
    quantized = _quantized_convolutions(model)
    assert len(quantized) >= 4  # two of three, once in each look; the first may be spared
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for convolution, weights in quantized:
        assert weights.data_type == onnx.TensorProto.INT8
        scales = tensors[makers[convolution.input[1]].input[1]]
        assert list(scales.dims) == [weights.dims[0]]  # one for each output channel


def _quantized_convolutions(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    """Pair each quantised convolution with its whole-number weights."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {name: one for one in model.graph.node for name in one.output}
    convolutions = [one for one in model.graph.node if one.op_type == "Conv" and one.input[1] in makers]
    return [(one, tensors[makers[one.input[1]].input[0]]) for one in convolutions]


def test_forms_are_tried_and_one_of_them_is_taken(int8: Quantized) -> None:
    """Four ways to spare layers, two ways to find ranges."""
    assert len(int8.report.measured) == 8
    assert int8.report.chosen in int8.report.measured
    assert {form.calibration for form in int8.report.measured} == {"minmax", "percentile"}
    spared = {form.spared for form in int8.report.measured}
    assert spared == {
        (),
        ("stem.weight (Conv)",),
        ("head.weight (Gemm)",),
        ("stem.weight (Conv)", "head.weight (Gemm)"),
    }


def test_gate_refuses_a_file_that_errs_more_often_and_names_the_layer(refused: Quantized) -> None:
    """One weight that is a thousand times the others leaves those no steps; the report puts its layer first."""
    assert refused.network is None
    assert not refused.report.accepted
    assert "top-1 error rises by" in refused.report.objections[0]
    worst, second = refused.report.damages[:2]
    assert worst.layer == "middle.weight (Conv)"
    assert worst.changed > 0.5
    assert worst.signal_to_noise_db < 10
    assert second.signal_to_noise_db > 30
    assert "middle.weight (Conv)" in refused.report.in_words().split("worst first")[1].splitlines()[1]


def test_sparing_the_layer_that_hurts_opens_the_gate(extreme_network: bytes, pictures: Pictures) -> None:
    """What the report names can be kept in float32."""
    options = Options(calibrations=("minmax",), spare=("middle.weight (Conv)",), turns=1)
    found = quantize(extreme_network, spec=SPEC, output=OUTPUT, pictures=pictures, options=options)
    assert found.report.accepted
    assert "middle.weight (Conv)" in found.report.chosen.spared
    assert all("middle.weight (Conv)" in form.spared for form in found.report.measured)


def test_gate_refuses_another_answer_to_a_golden_sample(extreme_network: bytes, pictures: Pictures) -> None:
    """Even where the error may rise by anything."""
    options = Options(calibrations=("minmax",), max_rise=1.0, turns=1)
    found = quantize(extreme_network, spec=SPEC, output=OUTPUT, pictures=pictures, options=options)
    assert found.network is None
    assert all("golden sample samples/" in objection for objection in found.report.objections)


def test_fp16_halves_the_file_and_keeps_input_output_and_softmax(network: bytes, pictures: Pictures) -> None:
    """The service feeds float32 and gets float32; weights are stored in half the bytes."""
    found = quantize(network, spec=SPEC, output=OUTPUT, pictures=pictures, options=Options(precision="fp16", turns=1))
    assert found.network is not None
    model = onnx.load_model_from_string(found.network)
    ends = [*model.graph.input, *model.graph.output]
    assert {end.type.tensor_type.elem_type for end in ends} == {onnx.TensorProto.FLOAT}
    sizes = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 4}
    assert sizes == {onnx.TensorProto.FLOAT16}
    (softmax,) = (one for one in model.graph.node if one.op_type == "Softmax")
    casts = {one.output[0]: one.attribute[0].i for one in model.graph.node if one.op_type == "Cast"}
    assert casts[softmax.input[0]] == onnx.TensorProto.FLOAT
    assert found.report.calibration_pictures == 0
    assert found.report.bytes_after < 0.6 * found.report.bytes_before


def test_network_that_is_quantised_already_is_refused(int8: Quantized, pictures: Pictures) -> None:
    """Quantising twice would measure against the wrong file."""
    assert int8.network is not None
    with pytest.raises(QuantizationError, match="quantised already"):
        quantize(int8.network, spec=SPEC, output=OUTPUT, pictures=pictures, options=Options())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(spare=("nonsense",)), r"no layer 'nonsense' to spare; layers are head\.weight, one\.weight"),
        (Options(spare=("stem.weight", "one.weight", "two.weight", "head.weight")), "Every layer is to be spared"),
    ],
)
def test_choice_that_leaves_nothing_is_told(network: bytes, pictures: Pictures, options: Options, words: str) -> None:
    """A layer that is not there, or none that is left."""
    with pytest.raises(QuantizationError, match=words):
        quantize(network, spec=SPEC, output=OUTPUT, pictures=pictures, options=options)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_network_without_layers_is_told(pictures: Pictures, precision: Precision) -> None:
    """A network that only averages has nothing to store in fewer bits."""
    few = dataclasses.replace(pictures, selection=pictures.selection[:1])
    spec = dataclasses.replace(
        SPEC, channels=3, preprocessing=dataclasses.replace(
            SPEC.preprocessing, color_mode="RGB", mean=(0.0,) * 3, std=(1.0,) * 3
        )
    )  # fmt: skip
    with pytest.raises(QuantizationError, match="no convolution or linear layer"):
        quantize(color_network(), spec=spec, output=OUTPUT, pictures=few, options=Options(precision=precision))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (b"no network", "no ONNX file"),
        (plain_network([node("Softmax", ["input"], ["output"])], opsets={"": 12}), "opset 12; .* needs 13 or later"),
    ],
)
def test_file_that_cannot_be_prepared_is_told(network: bytes, words: str) -> None:
    """No ONNX at all, or one from before scales per channel."""
    with pytest.raises(QuantizationError, match=words):
        prepared(network)


@pytest.mark.parametrize("missing", ["calibration", "selection"])
def test_missing_pictures_are_told(network: bytes, pictures: Pictures, missing: str) -> None:
    """No ranges without training pictures, no choice without held-back ones."""
    without = {
        "calibration": dataclasses.replace(pictures, calibration=[]),
        "selection": dataclasses.replace(pictures, selection=[]),
    }
    with pytest.raises(QuantizationError, match="not a single"):
        quantize(network, spec=SPEC, output=OUTPUT, pictures=without[missing], options=Options())


def test_libraries_stay_quiet(
    network: bytes, pictures: Pictures, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither prints nor advice reach whoever quantises; nothing is left in the working folder either."""
    options = Options(calibrations=("percentile",), turns=1)
    quantize(network, spec=SPEC, output=OUTPUT, pictures=pictures, options=options)
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caplog.records) == ("", "", [])
