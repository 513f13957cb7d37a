"""The gate: the objections to putting a version live in place of another."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from serving.errors import InvalidRecords
from serving.inputs import booleans
from serving.inputs.exact import in_one_line
from serving.inputs.field import Field
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.manifest import Figure, Manifest
from serving.models.metrics import metric
from serving.versions.rehearsal import rehearse


def objections(candidate: Artefact, live: Artefact | None) -> tuple[str, ...]:
    """List every reason not to put a version live in place of another, if there is another.

    Raises
    ------
    ArtefactError
        If it cannot be loaded, or cannot predict its own example: then it must not go live.
    """
    engine = rehearse(candidate)
    found = [*_proof(engine, live)]
    if live and live.manifest.version != candidate.manifest.version:
        found += _broken_clients(candidate.manifest, live.manifest)
        found += _worse_predictions(candidate.manifest, live.manifest)
    return tuple(found)


def _proof(engine: Engine, live: Artefact | None) -> Iterator[str]:
    """Check that it is served by the engine that was proved, and predicts the live example."""
    for file in engine.unfit:
        yield f"{file} does not predict as the pickle did"
    if live:
        record = msgspec.json.encode(live.manifest.example)
        try:
            engine.predict(engine.schema.decode(record, 1).matrix)
        except InvalidRecords as error:
            yield f"the example of {live} is refused: {in_one_line(error.faults)}"


def _broken_clients(candidate: Manifest, live: Manifest) -> Iterator[str]:
    """Find what clients of the live version send or expect that would no longer be possible."""
    if candidate.task != live.task:
        yield f"it is a {candidate.task}, and the live version a {live.task}"
    elif set(candidate.classes) != set(live.classes):
        yield f"its labels are {', '.join(candidate.classes)}, not {', '.join(live.classes)}"
    if candidate.unit != live.unit:
        yield f"its unit is {candidate.unit or 'none'}, not {live.unit or 'none'}"
    before = {field.name: field for field in live.fields}
    for field in candidate.fields:
        if field.name in before:
            yield from _narrowed(field, before[field.name])
        elif not field.optional:
            yield f"field {field.name!r} is new, and must be sent"


def _narrowed(field: Field, before: Field) -> Iterator[str]:
    name = repr(field.name)
    if before.optional and not field.optional:
        yield f"field {name} may no longer be missing"
    gone = [label for label in before.categories if label not in field.categories]
    if not _takes_such(field, before):
        yield f"field {name} is a {field.type}, not a {before.type}"
    elif field.type == "integer" and before.type == "number":
        yield f"field {name} takes whole numbers only"
    elif field.type == "category" and gone and not field.other:
        yield f"field {name} no longer takes {', '.join(map(repr, gone))}"
    elif field.type == "category" and not gone and _gives_other_codes(field, before):
        yield f"field {name} gives its labels other codes"
    if field.minimum > before.minimum or field.maximum < before.maximum:
        yield (
            f"field {name} takes {field.minimum:g} to {field.maximum:g} only, "
            f"not {before.minimum:g} to {before.maximum:g}"
        )


def _gives_other_codes(field: Field, before: Field) -> bool:
    return field.categories[: len(before.categories)] != before.categories


def _takes_such(field: Field, before: Field) -> bool:
    """Whether a field still takes the type of values that was sent for it before."""
    if field.type == before.type or (field.is_numeric and before.is_numeric):
        return True
    if field.type == "text":
        return before.type in {"category", "date"}
    if field.type == "boolean" and before.type == "category":
        return all(booleans.read(label) is not None for label in before.categories)
    return field.type == "boolean" and before.is_zero_or_one


def _worse_predictions(candidate: Manifest, live: Manifest) -> Iterator[str]:
    """Compare losses on the same live rows; without such rows, the metrics of training.

    After drift the metrics of training cannot be compared: those of the live version are from data
    before the drift, so a candidate for the data after it would look worse.
    """
    compared = candidate.compared
    if compared is None or compared.version != live.version:
        yield from _worse_metrics(candidate, live)
    elif compared.paired.is_worse:
        loss, paired = compared.loss, compared.paired
        yield f"on the latest live rows with feedback its {loss} is worse: {paired}"


def _worse_metrics(candidate: Manifest, live: Manifest) -> Iterator[str]:
    for name in candidate.metrics.keys() & live.metrics.keys():
        ours, theirs = candidate.metrics[name], live.metrics[name]
        if judged(name, ours, theirs) == "worse":
            title = metric(name).title
            yield f"{title} is {_shown(ours)}; the live version's is {_shown(theirs)}"


def judged(name: str, ours: Figure, theirs: Figure) -> Literal["better", "worse", "alike"]:
    """Whether a metric is better or worse than another version's by more than the spread.

    >>> judged("mae", Figure(0.4, 0.02, 1), Figure(0.5, 0.01, 1))
    'better'
    """
    gained = ours.mean - theirs.mean
    if abs(gained) <= max(ours.spread, theirs.spread):
        return "alike"
    return "better" if (gained > 0) == (metric(name).better == "higher") else "worse"


def _shown(figure: Figure) -> str:
    return f"{figure.mean:g} ± {figure.spread:g}"
