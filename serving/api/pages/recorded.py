"""The page of a recorded prediction: the record, what was predicted and why, and its feedback."""

from contextlib import suppress
from typing import Any

from flask import Response, make_response, render_template, url_for

from serving.api.around.access import caller
from serving.errors import ServingError
from serving.predicting.service import Service


def recorded_page(service: Service, found: dict[str, Any]) -> Response:
    """Make the page.

    Parameters
    ----------
    found : dict
        The prediction, as JSON has it.
    """
    unit = ""
    classes: tuple[str, ...] = ()
    with suppress(ServingError):  # a version that is gone; what it predicted is still here
        manifest = service.registry.manifest(found["model"], found["version"])
        unit, classes = manifest.unit, manifest.classes
    kept = ("id", "explanation", "prediction", "probabilities")
    of_model = {"unit": unit, "classes": classes, "feedback": url_for("feedback.feedback")}
    for_scripts = of_model | {name: found[name] for name in kept if name in found}
    text = render_template(
        "recorded.html",
        found=found,
        unit=unit,
        for_scripts=for_scripts,
        gives_feedback=gives_feedback(service, found["model"]),
    )
    response = make_response(text)
    response.headers["Cache-Control"] = "no-store"
    return response


def gives_feedback(service: Service, model: str) -> bool | None:
    """Whether the caller may give a model feedback; None where nothing is recorded."""
    return caller().may("feedback", model) if service.journal else None
