"""A published model looked at again."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from service.artifact import Evaluation
from training.commands.shared import settings_of
from training.pipeline import in_words
from training.progress import ConsoleReporter
from training.published import evaluate_published

if TYPE_CHECKING:
    pass


def evaluate(parsed: argparse.Namespace) -> int:
    """Score a published model through the serving path."""
    scores = evaluate_published(parsed.model, data=parsed.data, split=parsed.split, settings=settings_of(parsed))
    as_json = json.dumps(TypeAdapter(Evaluation).dump_python(scores, mode="json"), indent=2)
    ConsoleReporter().say(as_json if parsed.json else in_words(scores))
    return 0
