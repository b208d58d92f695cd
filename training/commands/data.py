"""A data set looked at."""

from __future__ import annotations

import argparse
import json
import sys

from training.commands.shared import settings_of
from training.data import Division, open_data
from training.data.inventory import take_inventory
from training.data.inventory_page import as_values, in_words
from training.data.streaming import usual_workers


def show(parsed: argparse.Namespace) -> int:
    """Say what is in a data set."""
    dataset = open_data(parsed.name, settings=settings_of(parsed), division=Division(seed=parsed.split_seed))
    inventory = take_inventory(dataset, workers=usual_workers(parsed.workers))
    text = json.dumps(as_values(inventory), indent=2, ensure_ascii=False) if parsed.json else in_words(inventory)
    sys.stdout.write(text + "\n")
    return 0
