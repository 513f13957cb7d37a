"""JSON Schemas of a model's records, predictions and feedback, made from its manifest."""

import re
from collections.abc import Sequence
from typing import Any

from serving.api.openapi.structs import Content, Schema, any_of, listed, record, text, whole_number
from serving.ids import OWN_ID_OF_ONE
from serving.inputs import booleans, dates, labels
from serving.inputs.field import FLOAT32_MAX, Field
from serving.inputs.labels import Labels
from serving.inputs.schema import Remark
from serving.inputs.shown import shown
from serving.models.explaining.explanation import Explanation
from serving.models.manifest import Manifest

REST_OF_ID = r"\.[0-9]{1,9}\.[0-9a-f]{27}(\.[0-9]{1,9})?"
OPTIONAL = ("probabilities", "explanation")  # of a prediction
BOOLEAN_TEXT: Schema = {"type": "string", "pattern": booleans.pattern()}
NO_LETTER = re.compile(r"[^A-Za-z0-9]")  # what no name in a program has
SPECIAL = re.compile(r"[\\^$.*+?()\[\]{}|/]")


def of(manifest: Manifest) -> dict[str, Schema]:
    """The schemas of a model: of a record, predictions, feedback, the example, and what-if."""
    prediction = _prediction(manifest)
    which = {"model": {"const": manifest.name}, "version": whole_number(minimum=1)}
    one, each = (record(OPTIONAL, **prediction, **more) for more in (which, {}))
    unrecorded = {name: part for name, part in prediction.items() if name != "id"}
    return {
        "Record": _record(manifest),
        "Prediction": one,
        "Feedback": _feedback(manifest),
        "Predictions": record(predictions=listed(each), **which),
        "Example": record(OPTIONAL, input={"type": "object"}, **unrecorded, **which),
        "WhatIf": record(OPTIONAL, **unrecorded, **which),
    }


def id_pattern(manifest: Manifest) -> str:
    """What the ids of a model's predictions look like, for JSON Schema; see serving.ids."""
    return SPECIAL.sub(r"\\\g<0>", manifest.name) + REST_OF_ID


def _feedback(manifest: Manifest) -> Schema:
    """The feedback of a prediction: a number, or a label in any form that stands for it."""
    if not manifest.classes:
        number = {"type": "number", "minimum": -FLOAT32_MAX, "maximum": FLOAT32_MAX}
        actual = any_of([number, text()] if manifest.unit else [number])  # a text may have the unit
    else:
        actual = any_of(_labels(labels.rules_for(manifest.classes, has_codes=False)))
    named = text("The id of the prediction.", pattern=f"^{id_pattern(manifest)}$")
    return record(id=named, actual=actual) | {"additionalProperties": False}


def feedback_by_own_id() -> Schema:
    """The feedback of a prediction of any model, by the caller's own id."""
    own_id = text("Your own id of the prediction.", pattern=f"^{OWN_ID_OF_ONE.pattern}$")
    actual = any_of([{"type": each} for each in ("string", "number", "boolean")])
    return record(own_id=own_id, actual=actual) | {"additionalProperties": False}


def _record(manifest: Manifest) -> Schema:
    """A record of the model's fields."""
    properties = {field.name: _value(field, manifest.example) for field in manifest.fields}
    return {
        "type": "object",
        "description": f"{manifest.title}. Other fields are not used; `warnings` names them.",
        "properties": properties,
        "required": [field.name for field in manifest.fields if not field.optional],
        "examples": [manifest.example],
    }


def _prediction(manifest: Manifest) -> dict[str, Content]:
    """The parts of a prediction; whether the estimator has probabilities is not known here."""
    number = {"type": "number", "description": _target(manifest)}
    parts: dict[str, Content] = {"id": text("Identifies the prediction, also in feedback.")}
    if manifest.classes:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        parts["prediction"] = _one_of(manifest.classes)
        probabilities = record(**dict.fromkeys(manifest.classes, share))
        if _are_alike(manifest.classes):
            del probabilities["properties"]
            probabilities["additionalProperties"] = share
        parts["probabilities"] = probabilities | {"description": _rule(manifest)}
    else:
        parts["prediction"] = number
    if manifest.interval:
        coverage = {"const": manifest.interval.coverage}
        interval = record(low=number, high=number, coverage=coverage)
        interval["description"] = "Contains the true value in this share of cases."
        parts["interval"] = interval
    return parts | {"warnings": listed(Remark), "explanation": Explanation}


def _value(field: Field, example: dict[str, Any]) -> Schema:
    kinds, notes = _kinds(field)
    if field.optional:
        notes.append("may be missing")
        kinds.append({"type": "null"})
    schema = any_of(kinds) | {"description": "; ".join(notes)}
    if field.name in example:
        schema["examples"] = [example[field.name]]
    return schema


def _kinds(field: Field) -> tuple[list[Schema], list[str]]:
    """The kinds of values that a field accepts, and notes on them for people.

    Each kind has one type, because generators of clients make a class of each enum.
    """
    notes = [field.unit] if field.unit and field.is_numeric else []
    if field.seen and field.type != "boolean":
        low, high = (
            dates.to_iso(days) if field.type == "date" else f"{days:.12g}" for days in field.seen
        )
        notes.append(f"{low} to {high} in training")
    if field.missing:
        notes.append(f"{', '.join(map(shown, field.missing))} means that it is missing")
    if field.type == "category":
        known = labels.rules_for(field.categories)
        notes = [f"{code} = {label}" for code, label in enumerate(field.categories)] + notes
        if field.other:
            notes.append(f"any other label is taken for {field.other}")
            return [{"type": each} for each in ("string", "number", "boolean")], notes
        return _labels(known), notes
    if field.type == "boolean":
        zero_or_one = {"type": "integer", "enum": [0, 1]}
        return [{"type": "boolean"}, zero_or_one, BOOLEAN_TEXT], ["true or false", *notes]
    if field.type == "date":
        like = dates.example(field.format or dates.ISO)
        return [text()], [f"a date as {like} or in ISO 8601", *notes]
    if field.type == "text":
        return [text()], ["any text", *notes]
    number: Schema = {"type": field.type, "minimum": field.minimum, "maximum": field.maximum}
    others = [{"type": "boolean"}, BOOLEAN_TEXT] if field.is_zero_or_one else []
    if field.takes_text:
        others.append(text())
        notes.append("as a number, or as it was written in the training file")
    return [number, *others], notes


def _labels(known: Labels) -> list[Schema]:
    """The JSON values that stand for a label, as far as they can be listed."""
    kinds = [_one_of(known.labels)]
    if known.integers:
        kinds.append({"type": "integer", "enum": known.integers})
    return [*kinds, {"type": "boolean"}, BOOLEAN_TEXT] if known.takes_booleans else kinds


def _are_alike(labels: Sequence[str]) -> bool:
    """Whether labels, such as <=50K and >50K, would have the same name in a program."""
    return len({NO_LETTER.sub("", label).lower() for label in labels}) < len(labels)


def _one_of(labels: Sequence[str]) -> Schema:
    """One of some labels, which are numbered in a program if they would have the same name."""
    schema: Schema = {"type": "string", "enum": [*labels]}
    if _are_alike(labels):
        schema["x-enum-varnames"] = [f"LABEL_{code}" for code in range(len(labels))]
    return schema


def _target(manifest: Manifest) -> str:
    return f"{manifest.target}, in {manifest.unit}" if manifest.unit else manifest.target


def _rule(manifest: Manifest) -> str:
    if not manifest.threshold:
        return "The most probable label is predicted."
    return f"{manifest.threshold.label} is predicted when P ≥ {manifest.threshold.value:g}."
