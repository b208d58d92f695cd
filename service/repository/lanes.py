"""The queue before a model: threads that do all the work, or threads that prepare it for the streams of a device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from service.engine.cost import Cost
from service.engine.device_lane import USUAL_SIZES, DeviceLane
from service.engine.lane import Lane
from service.engine.predictor import SECONDS_PER_SIZE, Classification, Classifier, PictureLane, Prepared, Sent
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.engine.streams import STREAMS, Streams
from service.settings import Settings

_MOST_WAITING: Final = 100_000


def make_lane(
    classifier: Classifier,
    *,
    settings: Settings,
    scheduler: Scheduler,
    run_s: float,
    another: Callable[[], Session],
    verified: Callable[[Callable[[bytes], Classification]], None],
) -> PictureLane:
    """Make the lane that fits the provider which is really in use.

    What runs and waits is bounded by its number where that is set, else by the time it takes.

    Args:
        classifier: Verified.
        settings: Bounds.
        scheduler: Whose threads work.
        run_s: Expected seconds of one picture.
        another: Loads the network once more.
        verified: Sees that pictures are answered as published.

    Raises:
        ArtifactError, InferenceError: A stream of a device does not answer as published.

    """
    capacity = settings.queue_size or _MOST_WAITING
    target_s = math.inf if settings.queue_size else settings.target_latency_ms / 1000
    cost = Cost(run_s, SECONDS_PER_SIZE)
    if classifier.session.provider == "cpu":
        return Lane(scheduler, run=classifier.classify_each, capacity=capacity, cost=cost, target_s=target_s)
    sessions = [classifier.session, *(another() for _ in range(STREAMS - 1))]
    streams = Streams.warm(classifier, sessions, sizes=USUAL_SIZES)
    for answer in streams.answers():
        verified(answer)
    classifier.sessions.tuning = streams.tuning
    return device_lane(streams, scheduler=scheduler, capacity=capacity, cost=cost, target_s=target_s)


def device_lane(
    streams: Streams, *, scheduler: Scheduler, capacity: int, cost: Cost, target_s: float
) -> DeviceLane[Sent, Prepared, Classification]:
    """Make and start a lane before streams that are warm."""
    lane: DeviceLane[Sent, Prepared, Classification] = DeviceLane(
        scheduler,
        prepare=streams.classifier.prepare,
        run=streams.run,
        streams=len(streams.runs),
        sizes=streams.sizes,
        capacity=capacity,
        cost=cost,
        target_s=target_s,
    )
    lane.start()
    return lane
