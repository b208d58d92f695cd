"""Live models get the form that fits the machine, and keep the one they have wherever that fails."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.engine.forms import Sessions, Tuning
from service.errors import ArtifactError
from service.repository.live_model import LiveModel
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from service.repository.tuner import Tuner, later
from tests.model_folders import SIDE, color_network, picture, write_model
from tests.networks import network, node

MakeLoader = Callable[..., Loader]


def _loaded(loader: Loader, models_dir: Path) -> LiveModel:
    if not models_dir.exists():
        write_model(models_dir, network=color_network(busy_work=1))
    return loader.load(StoredVersion("colors", 1, models_dir / "colors" / "1"))


def _tuning(model: LiveModel) -> Tuning:
    return model.classifier.sessions.tuning


@pytest.mark.parametrize("form", ["wide", "both"])
def test_a_pinned_form_is_loaded_and_answers_as_published(tmp_path: Path, make_loader: MakeLoader, form: str) -> None:
    """Nothing is measured; the wide session runs and gives the same answers."""
    loader = make_loader(form=form)
    model = _loaded(loader, tmp_path / "models")
    before = model.classifier.classify(picture("red")).probabilities
    Tuner(loader).tune(model)
    assert (_tuning(model).form, _tuning(model).because, _tuning(model).measurements) == (form, "pinned", ())
    wide = model.classifier.sessions.session(alone=True)
    assert wide is not model.classifier.session
    after = model.classifier.classify(picture("red"), session=wide).probabilities
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)
    assert (model.classifier.sessions.session(alone=False) is wide) is (form == "wide")


def test_a_pinned_narrow_form_loads_nothing_more(tmp_path: Path, make_loader: MakeLoader) -> None:
    """One session, whoever is there."""
    loader = make_loader(form="narrow")
    model = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(model)
    assert model.classifier.sessions.wide is None
    assert _tuning(model).because == "pinned"


def test_a_model_is_measured_and_its_form_is_what_the_measurements_say(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Every form that was timed is told with its figures, and the one in use follows from them."""
    loader = make_loader()
    model = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(model)
    tuning = _tuning(model)
    assert tuning.because == "measured"
    narrow, *others = tuning.measurements
    assert (narrow.threads, narrow.batch) == (1, 1)
    assert all(each.median_s >= each.least_s > 0 and each.n >= 1 for each in tuning.measurements)
    wide = [each for each in others if each.threads == 2]
    assert (tuning.form == "both") == any(each.median_s <= 0.9 * narrow.median_s for each in wide)
    assert (model.classifier.sessions.wide is not None) == (tuning.form == "both")
    assert model.lane.batch == tuning.batch


def test_what_was_measured_once_is_remembered(tmp_path: Path, make_loader: MakeLoader) -> None:
    """A restart with the same cache takes the form over without measuring again, and loads the optimised file."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    first = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(first)
    (note,) = (tmp_path / "cache").glob("*/tuning-2.json")
    note.write_text(note.read_text().replace('"form":"narrow"', '"form":"both"'))
    second = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(second)
    assert _tuning(second).form == "both"
    assert _tuning(second).measurements == _tuning(first).measurements
    assert second.classifier.sessions.wide is not None
    third = _loaded(loader, tmp_path / "models")
    np.testing.assert_array_equal(
        third.classifier.classify(picture("blue")).probabilities,
        first.classifier.classify(picture("blue")).probabilities,
    )


def test_a_note_of_another_version_of_the_program_is_measured_anew(tmp_path: Path, make_loader: MakeLoader) -> None:
    """What cannot be read is as good as nothing."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    model = _loaded(loader, tmp_path / "models")
    assert loader.cache is not None
    loader.cache.write_note(model.variant.sha256, "tuning-2.json", '{"form": "square"}')
    Tuner(loader).tune(model)
    assert _tuning(model).because == "measured"


def test_a_machine_without_a_quiet_moment_keeps_the_default_form(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """When the process is about to end while requests are there, measuring gives up and says so."""
    caplog.set_level(logging.INFO, logger="convserve")
    loader = make_loader()
    model = _loaded(loader, tmp_path / "models")
    loader.scheduler._waiting = 1  # a request that waits for as long as the test takes
    tuner = Tuner(loader, stopping=Waits(lambda number: number == 3))
    tuner.enqueue(model)
    tuner.begin()
    tuner.run()
    assert (_tuning(model).form, _tuning(model).because) == ("narrow", "default")
    assert "not tuned yet" in caplog.text


def test_a_machine_that_becomes_quiet_later_is_tuned_then(tmp_path: Path, make_loader: MakeLoader) -> None:
    """A service that was started under load gets its form without another start."""
    loader = make_loader()
    model = _loaded(loader, tmp_path / "models")
    loader.scheduler._waiting = 1

    def quiet_after_minutes(number: int) -> bool:
        loader.scheduler._waiting = 1 if number < 5000 else 0  # 3000 pauses are a minute, and the next try comes later
        return False

    with _running(Tuner(loader, stopping=Waits(quiet_after_minutes), again_s=0), model):
        _wait_for(lambda: _tuning(model).because == "measured")


def test_a_machine_that_is_never_quiet_is_asked_less_and_less() -> None:
    """The next try comes after twice the time, up to a day."""
    assert [later(seconds) for seconds in (300, 600, 50_000, 86_400)] == [600, 1200, 86_400, 86_400]


class Waits(threading.Event):
    """An event whose every wait is over at once.

    Args:
        ended: Says of each wait, by its number from 1, whether the process is about to end.

    """

    def __init__(self, ended: Callable[[int], bool]) -> None:
        super().__init__()
        self.waits = 0
        self._ended = ended

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  no time passes
        """Wait no time."""
        self.waits += 1
        if self._ended(self.waits):
            self.set()
        return self.is_set()


@contextmanager
def _running(tuner: Tuner, *models: LiveModel) -> Iterator[None]:
    """Tune models on a thread, as a service does."""
    for model in models:
        tuner.enqueue(model)
    thread = threading.Thread(target=tuner.run)
    thread.start()
    tuner.begin()
    yield
    tuner.stop()
    thread.join()


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)  # the thread does not tell


def test_what_one_model_meets_keeps_no_other_from_being_tuned(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is: the first one has lost its file here, and the second one everything."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    first, last = _loaded(loader, tmp_path / "models"), _loaded(loader, tmp_path / "models")
    (tmp_path / "elsewhere").mkdir()
    lost = replace(first, stored=replace(first.stored, folder=tmp_path / "elsewhere"))
    odd = replace(first, classifier=None)  # type: ignore[arg-type]  # an error that nobody foresaw
    with _running(Tuner(loader), lost, odd, last):
        _wait_for(lambda: _tuning(last).because == "measured")
    assert caplog.text.count("not tuned") == 2


def test_a_model_that_was_unloaded_before_its_turn_is_let_go(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Waiting for a quiet moment keeps nothing in memory."""
    loader = make_loader()
    gone, model = _loaded(loader, tmp_path / "models"), _loaded(loader, tmp_path / "models")
    loader.scheduler._waiting = 1
    reference = weakref.ref(gone)
    tuner = Tuner(loader)
    tuner.enqueue(gone)
    del gone
    gc.collect()
    assert reference() is None
    loader.scheduler._waiting = 0
    with _running(tuner, model):
        _wait_for(lambda: _tuning(model).because == "measured")


def test_a_form_that_does_not_answer_as_published_is_not_taken(tmp_path: Path, make_loader: MakeLoader) -> None:
    """The golden samples are asked again before a form is exchanged; here one of them was exchanged meanwhile."""
    loader = make_loader(form="both")
    model = _loaded(loader, tmp_path / "models")
    (tmp_path / "models/colors/1/samples/red.png").write_bytes(picture("blue"))
    with pytest.raises(ArtifactError):
        Tuner(loader).tune(model)
    assert model.classifier.sessions.wide is None
    assert _tuning(model).because == "default"


def test_an_optimised_form_that_answers_otherwise_is_thrown_away_and_the_published_one_taken(
    tmp_path: Path, make_loader: MakeLoader
) -> None:
    """A damaged entry costs time, and no form."""
    loader = make_loader(form="both", cache_dir=tmp_path / "cache")
    model = _loaded(loader, tmp_path / "models")
    assert loader.cache is not None
    loader.cache.write_optimized(model.variant.sha256, color_network(sharpness=1.0))
    Tuner(loader).tune(model)
    wide = model.classifier.sessions.wide
    assert wide is not None
    assert model.classifier.classify(picture("red"), session=wide).probabilities[0] > 0.99
    assert loader.cache.optimized(model.variant.sha256) is None


@pytest.mark.parametrize("form", [None, "narrow", "both"])
def test_the_optimised_form_is_kept_for_the_next_start_whatever_the_form(
    tmp_path: Path, make_loader: MakeLoader, form: str | None
) -> None:
    """Restarts are quick and processes share pages also where nobody loads a second session."""
    loader = make_loader(form=form, cache_dir=tmp_path / "cache")
    model = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(model)
    assert loader.cache is not None
    assert loader.cache.optimized(model.variant.sha256) is not None


def test_what_is_remembered_is_not_written_again(tmp_path: Path, make_loader: MakeLoader) -> None:
    """A cache that has become read-only is no news at every start."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    Tuner(loader).tune(_loaded(loader, tmp_path / "models"))
    (note,) = (tmp_path / "cache").glob("*/tuning-2.json")
    before = note.stat().st_ino
    Tuner(loader).tune(_loaded(loader, tmp_path / "models"))
    assert note.stat().st_ino == before


def test_a_batch_whose_pictures_change_each_others_answers_is_not_taken(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """This network subtracts the mean of its batch; remembered or measured, it goes on with one picture at a time."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    write_model(tmp_path / "models", network=_mixing())
    model = _loaded(loader, tmp_path / "models")
    assert loader.cache is not None
    note = '{"form": "narrow", "batch": 4, "because": "measured", "measurements": []}'
    loader.cache.write_note(model.variant.sha256, "tuning-2.json", note)
    Tuner(loader).tune(model)
    assert "remembered form left out" in caplog.text
    assert model.lane.batch == 1
    assert (_tuning(model).because, _tuning(model).batch) == ("measured", 1)


def test_a_network_that_takes_single_pictures_and_does_not_say_so_is_tuned_without_batches(
    tmp_path: Path, make_loader: MakeLoader
) -> None:
    """Trying them fails, and is no reason to try again at every start."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    write_model(tmp_path / "models", network=_single())
    model = _loaded(loader, tmp_path / "models")
    Tuner(loader).tune(model)
    assert (_tuning(model).because, _tuning(model).batch) == ("measured", 1)


def _single() -> bytes:
    nodes = [
        node("Reshape", ["input", "one"], ["picture"]),
        node("ReduceMean", ["picture", "plane"], ["means"], keepdims=0),
        node("Softmax", ["means"], ["probabilities"], axis=1),
    ]
    weights = {"one": np.array([1, 3, SIDE, SIDE]), "plane": np.array([2, 3])}
    inputs, outputs = {"input": ("n", 3, SIDE, SIDE)}, {"probabilities": ("n", 3)}
    return network(nodes, inputs=inputs, outputs=outputs, weights=weights)


def _mixing() -> bytes:
    nodes = [
        node("ReduceMean", ["input", "plane"], ["means"], keepdims=0),
        node("ReduceMean", ["means", "first"], ["common"], keepdims=1),
        node("Mul", ["common", "half"], ["part"]),
        node("Sub", ["means", "part"], ["rest"]),
        node("Mul", ["rest", "ten"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    weights = {
        "plane": np.array([2, 3]),
        "first": np.array([0]),
        "half": np.array(0.5, dtype=np.float32),
        "ten": np.array(10, dtype=np.float32),
    }
    inputs, outputs = {"input": ("n", 3, SIDE, SIDE)}, {"probabilities": ("n", 3)}
    return network(nodes, inputs=inputs, outputs=outputs, weights=weights)


@pytest.mark.parametrize("batch", [0, -4, 10**9])
def test_a_remembered_batch_that_is_none_is_measured_anew(tmp_path: Path, make_loader: MakeLoader, batch: int) -> None:
    """A hand in the wrong place."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    model = _loaded(loader, tmp_path / "models")
    assert loader.cache is not None
    note = f'{{"form": "narrow", "batch": {batch}, "because": "measured", "measurements": []}}'
    loader.cache.write_note(model.variant.sha256, "tuning-2.json", note)
    Tuner(loader).tune(model)
    assert _tuning(model).measurements
    assert model.lane.batch >= 1


def test_a_form_that_was_pinned_for_a_cpu_is_said_to_be_left_out_elsewhere(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """What an operator asks for is done, or he hears that it is not."""
    loader = make_loader(form="wide")
    model = _loaded(loader, tmp_path / "models")
    elsewhere = replace(model.classifier.session, provider="cuda")
    Tuner(loader).tune(replace(model, classifier=replace(model.classifier, sessions=Sessions(elsewhere))))
    assert "pinned form left out" in caplog.text


def test_a_broken_cache_entry_does_not_keep_a_model_from_loading(tmp_path: Path, make_loader: MakeLoader) -> None:
    """An entry whose graph answers otherwise is thrown away, and the published file is loaded."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    write_model(tmp_path / "models", network=color_network(busy_work=1))
    sha256 = _loaded(make_loader(), tmp_path / "models").variant.sha256
    assert loader.cache is not None
    loader.cache.write_optimized(sha256, color_network(sharpness=1.0))
    model = _loaded(loader, tmp_path / "models")
    assert model.classifier.classify(picture("red")).probabilities[0] > 0.99
