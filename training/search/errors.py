"""What can be wrong with the request for a search.

TrainingError
└── SearchError             a space, a storage or a study that cannot be searched as asked
    └── TrialFailedError    one trial that cannot be trained; the search goes on
"""

from __future__ import annotations

from training.errors import TrainingError


class SearchError(TrainingError):
    """A search that cannot be made."""


class TrialFailedError(SearchError):
    """Values that make no network, no batch or no sense together."""
