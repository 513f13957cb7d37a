"""The page that lists a model's predictions."""

from typing import Any

from flask import url_for

from serving.api.filters import selection
from serving.api.predictions import page_of
from serving.api.predictions_table import flat
from serving.api.query import cursor_after, page_size
from serving.predicting.service import Service

FIRST = ("time", "version", "prediction", "actual")  # of the columns


def listed(service: Service, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The variables of the template monitor_predictions.html.

    Parameters
    ----------
    given : dict
        The query, without empty parameters.

    Raises
    ------
    UnknownModel, ArtefactError, StoreError, BadRequest
    """
    manifest, limit = service.registry.manifest(name), page_size()
    found = page_of(service, name, selection(service, name), limit)
    rows = [flat(each) for each in found.predictions]
    columns = dict.fromkeys([*FIRST, *(column for row in rows for column in row)])
    columns.pop("id", None)
    earlier = None
    if found.after:
        after = {"after": cursor_after(found.after)}
        earlier = url_for("dashboard.predictions", name=name, **given | after)
    return {
        "name": name,
        "classes": manifest.classes,
        "query": {"since": "", "until": "", "version": "", "label": ""} | given,
        "columns": [*columns, "id"] if rows else [],
        "rows": rows,
        "earlier": earlier,
        "as_json": url_for("predictions.predictions", name=name, **given),
    }
