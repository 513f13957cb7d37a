"""The page of a recorded prediction: the record, what was predicted and why, and its feedback."""

from contextlib import suppress
from typing import Any

from flask import Response, make_response, render_template, url_for

from serving.api.around.access import caller
from serving.api.pages.predicted import gives_feedback, of_version
from serving.errors import ServingError
from serving.predicting.service import Service

KEPT = ("id", "prediction", "probabilities", "interval", "explanation")


def recorded_page(service: Service, found: dict[str, Any]) -> Response:
    """Make the page.

    Parameters
    ----------
    found : dict
        The prediction, as JSON has it.
    """
    registry = service.registry
    manifest = None
    with suppress(ServingError):  # a version that is gone; what it predicted is still here
        manifest = registry.manifest(found["model"], found["version"])
    version = of_version(registry.decisions.models_dir, manifest)
    kept = {name: found[name] for name in KEPT if name in found}
    if "interval" in kept:
        kept["interval"] |= {"coverage": (version["interval"] or {}).get("coverage")}
    if "explanation" not in found and _can_be_explained(service, found):
        kept |= {"record": found["record"]}
        kept |= {"what_if": url_for("what_if.what_if", name=found["model"])}
    text = render_template(
        "recorded.html",
        found=found,
        version=version,
        units={field.name: field.unit for field in manifest.fields} if manifest else {},
        for_scripts=version | {"interval": None} | kept,
        gives_feedback=gives_feedback(service, found["model"]),
    )
    response = make_response(text)
    response.headers["Cache-Control"] = "no-store"
    return response


def _can_be_explained(service: Service, found: dict[str, Any]) -> bool:
    """Whether the version is live still, which the page can then ask, and the caller may."""
    if not caller().may("predict", found["model"]):
        return False
    try:
        return service.registry.manifest(found["model"]).version == int(found["version"])
    except ServingError:
        return False
