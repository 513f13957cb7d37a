"""The page of a recorded prediction: the record, what was predicted and why, and its feedback."""

from contextlib import suppress
from typing import Any

from flask import Response, make_response, render_template

from serving.errors import ServingError
from serving.versions.registry import Registry


def recorded_page(registry: Registry, found: dict[str, Any]) -> Response:
    """Make the page.

    Parameters
    ----------
    found : dict
        The prediction, as JSON has it.
    """
    unit = ""
    with suppress(ServingError):  # a version that is gone; what it predicted is still here
        unit = registry.manifest(found["model"], found["version"]).unit
    for_scripts = {"unit": unit} | {
        name: found[name]
        for name in ("explanation", "prediction", "probabilities")
        if name in found
    }
    text = render_template("recorded.html", found=found, unit=unit, for_scripts=for_scripts)
    response = make_response(text)
    response.headers["Cache-Control"] = "no-store"
    return response
