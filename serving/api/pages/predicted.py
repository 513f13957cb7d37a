"""What pages need to know of a version to show its predictions."""

from pathlib import Path
from typing import Any

import msgspec
from flask import url_for

from serving import figures
from serving.api.around.access import caller
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.predicting.service import Service

ID = "ID"


def of_version(folder: Path, manifest: Manifest | None) -> dict[str, Any]:
    """What scripts need: labels, threshold or interval, and for numbers their scale.

    The scale is the range of the predictions on held-out rows; `decimals` suffice for numbers of
    it, and are null where it is not known.

    Parameters
    ----------
    manifest : Manifest or None
        None for a version that is gone.
    """
    quantiles = artefact.read_reference(folder, manifest).predictions if manifest else ()
    scale = [quantiles[0], quantiles[-1]] if quantiles and quantiles[0] < quantiles[-1] else []
    return {
        "unit": manifest.unit if manifest else "",
        "classes": manifest.classes if manifest else (),
        "threshold": msgspec.to_builtins(manifest and manifest.threshold),
        "interval": msgspec.to_builtins(manifest and manifest.interval),
        "scale": scale,
        "decimals": figures.decimals_of(*scale) if scale else None,
        "feedback": url_for("feedback.feedback"),
    }


def recorded_at(service: Service, model: str) -> str | None:
    """Return the URL before the id of a recorded prediction; None if the caller may see none."""
    if not service.journal or not caller().may("read", model):
        return None
    return url_for("predictions.prediction", prediction_id=ID).removesuffix(ID)


def gives_feedback(service: Service, model: str) -> bool | None:
    """Whether the caller may give a model feedback; None where nothing is recorded."""
    return caller().may("feedback", model) if service.journal else None
