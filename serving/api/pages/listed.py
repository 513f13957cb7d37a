"""The page that lists a model's predictions."""

from contextlib import suppress
from typing import Any

import msgspec
from flask import request, url_for

from serving import clock
from serving.api.filters import has_probabilities, selection
from serving.api.pages.filter_form import canonical, field_filters, judged
from serving.api.pages.predicted import gives_feedback, of_version
from serving.api.pages.words import words
from serving.api.predictions_page import ListPage, page_of
from serving.api.predictions_table import flat
from serving.api.query import cursor_after, page_size
from serving.errors import ArtefactError, UnknownVersion
from serving.models.manifest import Manifest
from serving.predicting import conditions
from serving.predicting.service import Service
from serving.recording.store.rows import Cursor, Prediction

FIRST = ("time", "prediction", "actual", "version")  # of the columns
PLACES = ("after", "newer", "limit")  # parameters that filter nothing


def canonical_query(service: Service, name: str) -> dict[str, list[str]]:
    """Return the query of the API that the page's own query stands for."""
    fields = _fields(service.registry.manifest(name))
    return canonical(request.args, fields, words(request).language)


def listed(service: Service, name: str, given: dict[str, list[str]]) -> dict[str, Any]:
    """The variables of the template monitor_predictions.html.

    Parameters
    ----------
    given : dict
        The query, as the API has it.

    Raises
    ------
    UnknownModel, ArtefactError, StoreError, BadRequest
    """
    manifest = service.registry.manifest(name)
    found = page_of(service, name, selection(service, name), page_size())
    query = {key: values[0] for key, values in given.items()}
    kept = {key: values for key, values in given.items() if key not in PLACES}
    shown, others = field_filters(
        given.get("where", []), _fields(manifest), service.privacy.kept_out(name)
    )
    rows = [_row(service, manifest, each) for each in found.predictions]
    version = of_version(service.registry.decisions.models_dir, manifest)
    columns = dict.fromkeys([*FIRST, *(column for row in rows for column in row["cells"])])
    return {
        "manifest": manifest,
        "name": name,
        "query": query,
        "judged": judged(query),
        "fields": shown,
        "others": [(text, _without(name, given, text)) for text in others],
        "labels": _labels(service, manifest),
        "has_probabilities": has_probabilities(manifest),
        "has_threshold": conditions.has_threshold(manifest),
        "is_filtered": bool(kept),
        "columns": [each for each in columns if each != "id"],
        "rows": rows,
        "decimals": version["decimals"],
        "example": _example(*version["scale"]) if version["scale"] else None,
        "stopped": clock.iso(found.stopped.time) if found.stopped else None,
        "archived": None if found.earlier else _archived(service, name),
        "gives_feedback": gives_feedback(service, name),
        "for_scripts": {
            "name": name,
            "target": manifest.target,
            "feedback": url_for("feedback.table", model=name),
        },
        **_links(name, given, kept, found),
    }


def _labels(service: Service, manifest: Manifest) -> list[str]:
    """The labels of a model, and those that versions predicted which are gone."""
    if not manifest.classes:
        return []
    return [*dict.fromkeys([*manifest.classes, *service.store.names.labels(manifest.name)])]


def _example(low: float, high: float) -> float:
    """A round number: about a tenth of a range."""
    return float(f"{(high - low) / 10:.0e}")


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {field.name: field for field in manifest.fields}


def _row(service: Service, live: Manifest, made: Prediction) -> dict[str, Any]:
    cells = flat(made)
    prediction, actual = cells["prediction"], cells["actual"]
    manifest = live
    with suppress(UnknownVersion, ArtefactError):  # a version that is gone
        manifest = service.registry.manifest(live.name, made.version)
    # Feedback to a version that is gone may be a label where that had numbers.
    are_numbers = not (isinstance(prediction, str) or isinstance(actual, str))
    is_right = None
    if made.actual and isinstance(prediction, str):
        is_right = prediction == actual
    elif are_numbers and made.interval:
        is_right = cells["low"] <= actual <= cells["high"]
    chances = msgspec.json.decode(made.probabilities) if made.probabilities else {}
    return {
        "cells": cells,
        "unit": manifest.unit,
        "probability": chances.get(prediction),
        "is_right": is_right,
        "error": actual - prediction if are_numbers else None,
    }


def _links(
    name: str, given: dict[str, list[str]], kept: dict[str, list[str]], found: ListPage
) -> dict[str, Any]:
    limit = {key: values for key, values in given.items() if key == "limit"}

    def page(at: Cursor | None, **others: str) -> str | None:
        here: dict[str, Any] = kept | limit | others
        if at is None:
            return None
        return url_for("dashboard.predictions", name=name, after=cursor_after(at), **here)

    every: dict[str, Any] = kept
    return {
        "earlier": page(found.earlier),
        "later": page(found.later, newer="true"),
        "newest": url_for("dashboard.predictions", name=name, **(every | limit)),
        "is_newest": "after" not in given,
        "as_csv": url_for("predictions.predictions", name=name, format="csv", limit="all", **every),
        "as_json": url_for("predictions.predictions", name=name, **(every | limit)),
        "cleared": url_for("dashboard.predictions", name=name),
    }


def _without(name: str, given: dict[str, list[str]], text: str) -> str:
    """The same list without a condition on a field."""
    where = [each for each in given["where"] if each != text]
    left: dict[str, Any] = {key: values for key, values in given.items() if key not in PLACES}
    return url_for("dashboard.predictions", name=name, **(left | {"where": where}))


def _archived(service: Service, name: str) -> str | None:
    """When the last prediction was made that is in the archive, which is not listed."""
    files = service.store.archived.files(name)
    return clock.iso(max(each.last for each in files)) if files else None
