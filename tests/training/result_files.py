"""Makes published figures for tests."""

from __future__ import annotations

from service.artifact import Architecture
from training.results.over_seeds import Results, SeedResult, SinglePicture


def results(
    *errors: float,
    name: str = "recipe-a",
    architecture: str = "lenet5",
    n: int = 10_000,
    top5: float = 0.01,
    width: float = 1.0,
    model_bytes: int | None = None,
    single_picture: SinglePicture | None = None,
) -> Results:
    """Give figures with a top-1 error per seed."""
    return Results(
        recipe=name,
        recipe_digest="abc",
        dataset="shapes",
        n=n,
        epochs=3,
        architecture=Architecture(name=architecture, paper="p", parameters=61_706, multiply_adds=416_520),
        hardware="2 cores of X",
        runs=tuple(
            SeedResult(
                seed=seed,
                top1_error=error,
                top5_error=top5,
                calibration_error=0.02,
                validation_error=error,
                best_epoch=3,
                minutes=1.5,
            )
            for seed, error in enumerate(errors, start=1)
        ),
        width=width,
        model_bytes=model_bytes,
        single_picture=single_picture,
    )
