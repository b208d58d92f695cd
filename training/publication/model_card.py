"""What is written about a model: the manifest for the service, the card for people; pure, from a report to text.

The card is in the form of the Hugging Face Hub, so that a folder can be uploaded as it is. No figure in it is typed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import datetime

from service.artifact import GoldenSample, Manifest, Preprocessing, Variant
from training.data import KNOWN_SETS
from training.errors import PublicationError
from training.recipe import Publication
from training.recipe_file import recipe_tables
from training.results.over_seeds import Results
from training.results.report import Report

MODEL_FILE = "model.onnx"
CARD_FILE = "README.md"


def manifest_of(report: Report, *, version: int, created_at: datetime, golden: Sequence[GoldenSample]) -> Manifest:
    """Write down everything that the service needs to know.

    Args:
        report: Of the run.
        version: Under which it is published.
        created_at: In UTC.
        golden: Samples with their expected probabilities.

    Raises:
        PublicationError: The recipe names no model to publish.

    """
    publication = publication_of(report)
    evaluation = report.evaluation
    return Manifest(
        schema_version=1,
        name=publication.model,
        version=version,
        description=publication.description,
        license=publication.license,
        created_at=created_at,
        labels=report.labels,
        input=report.input,
        output=report.output,
        variants=(
            Variant(
                file=MODEL_FILE,
                sha256=report.model_sha256,
                bytes=report.model_bytes,
                precision="fp32",
                top1_error=evaluation.top1_error,
                top5_error=evaluation.top5_error,
                evaluated=evaluation.n,
                largest_difference=report.largest_difference,
            ),
        ),
        evaluation=evaluation,
        reference=report.reference,
        architecture=report.architecture,
        provenance=report.provenance,
        golden=tuple(golden),
    )


def publication_of(report: Report) -> Publication:
    """Find out what the model is called.

    Raises:
        PublicationError: The recipe does not say.

    """
    if report.recipe.publication is None:
        raise PublicationError(
            f"The recipe {report.provenance.recipe} names no model; give it a table [publication] with model, title, "
            "description and license."
        )
    return report.recipe.publication


def card_of(manifest: Manifest, report: Report, *, results: Results | None) -> str:
    """Write the card.

    Args:
        manifest: As it is published.
        report: Of the run.
        results: Of several seeds of the same recipe; None where only this run is known.

    """
    publication = publication_of(report)
    parts = [
        _front_matter(manifest, report, publication),
        f"# {publication.title}\n\n{publication.description}\n",
        _classes(manifest),
        _scores(manifest, report, results),
        _input(manifest, report),
        _training(report),
        _use(manifest, publication),
    ]
    return "\n".join(parts)


def _front_matter(manifest: Manifest, report: Report, publication: Publication) -> str:
    known = KNOWN_SETS.get(report.data_source)
    dataset = (known.hub if known else None) or report.data_source
    evaluation = report.evaluation
    return f"""---
license: {publication.license}
library_name: onnx
pipeline_tag: image-classification
datasets:
- {dataset}
metrics:
- accuracy
tags:
- image-classification
- onnx
- {report.architecture.name}
- {report.data_source}
model-index:
- name: {manifest.name}
  results:
  - task:
      type: image-classification
    dataset:
      type: {dataset}
      name: {known.title if known else dataset}
      split: {evaluation.split}
    metrics:
    - type: accuracy
      value: {1 - evaluation.top1_error:.4f}
    - type: accuracy
      name: top-5 accuracy
      value: {1 - evaluation.top5_error:.4f}
---
"""


def _classes(manifest: Manifest) -> str:
    return f"It tells {len(manifest.labels)} classes apart: {', '.join(manifest.labels)}.\n"


def _scores(manifest: Manifest, report: Report, results: Results | None) -> str:
    evaluation, architecture = report.evaluation, report.architecture
    return f"""## How good it is

Measured on the {evaluation.n:,} pictures of the {evaluation.split} split, which took no part in training or in
choosing epoch and seed. What was measured is the ONNX file, fed by the preprocessing that serves it.

| figure | value | 95 % interval |
|---|---|---|
| top-1 error | {evaluation.top1_error:.2%} | {_interval(evaluation.top1_interval)} |
| top-5 error | {evaluation.top5_error:.2%} | {_interval(evaluation.top5_interval)} |
| expected calibration error (15 bins) | {evaluation.calibration_error:.2%} | |
| largest difference of a logit from PyTorch | {report.largest_difference:.1e} | |
| test pictures that training or validation hold too | {report.test_in_training} | |

{_seeds(report, results)}Size: {architecture.parameters:,} parameters, {architecture.multiply_adds:,} multiply-adds a
picture, {manifest.variants[0].bytes / 1000:,.0f} kB.
"""


def _seeds(report: Report, results: Results | None) -> str:
    if results is None:
        return ""
    top1 = results.spread("top1_error")
    best = min(results.runs, key=lambda run: run.validation_error)
    is_best = best.seed == report.provenance.seed and best.top1_error == report.evaluation.top1_error
    chosen = (
        "This model is the one of the lowest validation error; its test error took no part in the choice."
        if is_best
        else "This model is another run of the same recipe."
    )
    return f"""Over {top1.n} seeds the recipe gave a top-1 error of {top1.percent()} % (mean and standard deviation).
{chosen}

"""


def _input(manifest: Manifest, report: Report) -> str:
    spec, output = manifest.input, manifest.output
    return f"""## What goes in and what comes out

`{spec.tensor}`: {spec.dtype} [N, {spec.channels}, {spec.height}, {spec.width}] ({spec.layout}), N pictures.
{_preprocessing_in_words(spec.preprocessing, size=spec.height)}

`{output.tensor}`: float32 [N, {len(manifest.labels)}], {output.holds} in the order of the classes above.
{_looks_in_words(report)}
`manifest.json` says all of this for programs.
"""


def _looks_in_words(report: Report) -> str:
    """Say what happens inside the file beside the network: several looks at the picture, a temperature."""
    recipe = report.recipe
    lines = []
    if recipe.network.mirror_average:
        lines.append("The file looks at each picture and at its mirror image and takes the mean of the logits.")
    if recipe.export.shift_pixels:
        far = "1 pixel" if recipe.export.shift_pixels == 1 else f"{recipe.export.shift_pixels} pixels"
        lines.append(
            f"It looks at each picture also moved by {far} up to the left and down to the "
            "right, with half\nthe weight of the picture in its place."
        )
    if lines:
        lines.append("All looks are counted in the multiply-adds and in every time.")
    if report.temperature != 1:
        lines.append(
            f"The logits are divided by {report.temperature:.3f}, which makes the validation pictures likeliest."
        )
    return "".join(f"{line}\n" for line in lines)


def _preprocessing_in_words(steps: Preprocessing, *, size: int) -> str:
    fit = {"letterbox": "fitted whole into", "exact": "stretched to", "shorter_side": "scaled and cut to"}
    color = {"L": "turned to grey", "RGB": "brought to RGB", "BGR": "brought to BGR"}
    mean = ", ".join(f"{value:.4f}" for value in steps.mean)
    std = ", ".join(f"{value:.4f}" for value in steps.std)
    return (
        f"A picture of any size is turned upright by its EXIF tag, {color[steps.color_mode]},\n"
        f"{fit[steps.resize.rule]} {size}x{size} pixels ({steps.resize.interpolation}, antialiased), brought to 0..1,\n"
        f"less a mean of {mean}, divided by {std}."
    )


def _training(report: Report) -> str:
    provenance, training = report.provenance, report.recipe.training
    known = KNOWN_SETS.get(report.data_source)
    terms = f" ({known.title}, licence of the pictures: {known.license})" if known else ""
    libraries = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    recipe = {key: value for key, value in recipe_tables(report.recipe).items() if key != "publication"}
    start = report.recipe.start
    began = (
        f"- Began with: {start.weights}; on what terms those weights learned says their own card.\n" if start else ""
    )
    return f"""## How it was made

- Data: {report.data_source}{terms}: {report.training_pictures:,} pictures to train, {report.validation_pictures:,} to
  choose the epoch; {report.validation_in_training} of these stand among the training pictures too.
{began}- Architecture: {report.architecture.name}; {report.architecture.paper}.
- Training: {training.epochs} epochs in portions of {training.batch_size}, seed {provenance.seed}; the weights are
  those of epoch {report.best_epoch}, the best on validation ({report.validation_error:.2%} error).
- Time: {provenance.minutes:.1f} minutes on {provenance.hardware}.
- Made with {libraries}; project commit {provenance.commit or "unknown"}.

To make it again:

```sh
{_command(report)}
```

<details><summary>The recipe in full</summary>

```json
{json.dumps(recipe, indent=2)}
```

</details>
"""


def _command(report: Report) -> str:
    changes = [word for change in report.changes for word in ("--set", change)]
    provenance = report.provenance
    return shlex.join(
        ["python", "-m", "training", "train", provenance.recipe, "--seed", str(provenance.seed), *changes]
    )


def _use(manifest: Manifest, publication: Publication) -> str:
    sample = manifest.golden[0].file if manifest.golden else "picture.png"
    start = f"""
To train it further on other pictures, name it in a recipe; `weights.safetensors` holds its weights in float16:

```toml
[start]
weights = "models/{manifest.name}"
```
"""
    return f"""## How to use it

```sh
python -m service serve &
curl --data-binary @models/{manifest.name}/{manifest.version}/{sample} \\
  http://127.0.0.1:8000/models/{manifest.name}/predict
```
{start if publication.weights else ""}"""


def _interval(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.2%} to {high:.2%}"
