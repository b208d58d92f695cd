"""Live models get the form that fits the machine, and keep the one they have wherever that fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.engine.forms import Tuning
from service.engine.tuning import BusyError
from service.errors import VerificationError
from service.repository.live_model import LiveModel
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from service.repository.tuner import Tuner
from tests.model_folders import color_network, picture, write_model

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


def test_a_machine_without_a_quiet_moment_keeps_the_default_form(tmp_path: Path, make_loader: MakeLoader) -> None:
    """When the process is about to end while requests are there, measuring gives up."""
    loader = make_loader()
    model = _loaded(loader, tmp_path / "models")
    tuner = Tuner(loader)
    loader.scheduler._waiting = 1  # a request that waits for as long as the test takes
    tuner.stopping.set()
    with pytest.raises(BusyError):
        tuner.tune(model)
    assert (_tuning(model).form, _tuning(model).because) == ("narrow", "default")


def test_models_are_tuned_as_they_come_and_a_bad_one_keeps_no_other_from_it(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """One whose file was lost meanwhile is told in the log; one that was unloaded meanwhile is passed over."""
    caplog.set_level(logging.INFO, logger="convserve")
    loader = make_loader(form="both")
    tuner = Tuner(loader)
    lost, gone, good = (_loaded(loader, tmp_path / name) for name in ("lost", "gone", "good"))
    (lost.stored.folder / "model.onnx").unlink()
    for model in (lost, gone, good):
        tuner.enqueue(model)
    del gone, model
    thread = threading.Thread(target=tuner.run)
    thread.start()
    tuner.begin()
    while good.classifier.sessions.wide is None:
        time.sleep(0.01)
    tuner.stop()
    thread.join()
    assert lost.classifier.sessions.wide is None
    told = [record.__dict__["convserve_fields"].get("reason") for record in caplog.records]
    assert [reason for reason in told if reason and "cannot be read" in reason]
    assert len(told) == 2


def test_a_form_that_does_not_answer_as_published_is_not_taken(tmp_path: Path, make_loader: MakeLoader) -> None:
    """The golden samples are asked again before a form is exchanged; here the file was exchanged meanwhile."""
    loader = make_loader(form="both", cache_dir=tmp_path / "cache")
    model = _loaded(loader, tmp_path / "models")
    assert loader.cache is not None
    loader.cache.write_optimized(model.variant.sha256, color_network(sharpness=1.0))
    with pytest.raises(VerificationError):
        Tuner(loader).tune(model)
    assert model.classifier.sessions.wide is None


def test_a_broken_cache_entry_does_not_keep_a_model_from_loading(tmp_path: Path, make_loader: MakeLoader) -> None:
    """An entry whose graph answers otherwise is thrown away, and the published file is loaded."""
    loader = make_loader(cache_dir=tmp_path / "cache")
    write_model(tmp_path / "models", network=color_network(busy_work=1))
    sha256 = _loaded(make_loader(), tmp_path / "models").variant.sha256
    assert loader.cache is not None
    loader.cache.write_optimized(sha256, color_network(sharpness=1.0))
    model = _loaded(loader, tmp_path / "models")
    assert model.classifier.classify(picture("red")).probabilities[0] > 0.99
