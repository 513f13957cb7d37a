"""What a training made: the new version beside the live one."""

from typing import Any, NamedTuple

from serving.api.around.access import caller
from serving.errors import ServingError
from serving.models.manifest import Figure, Manifest
from serving.predicting.service import Service
from serving.trainings.training import Training
from serving.versions.gate import judged


class Metric(NamedTuple):
    """A metric of the new version and of the live one; `verdict`: better, worse or alike."""

    name: str
    new: Figure
    live: Figure | None
    verdict: str


def trained(service: Service, training: Training) -> dict[str, Any]:
    """Return the variables of the template training_result.html.

    `gone` is why the version cannot be shown, as it was deleted or retired since.
    """
    registry, name = service.registry, training.name
    registry.refresh()  # a version that was put live just now, by whichever worker
    try:
        new = registry.manifest(name, training.version)
        live = registry.manifest(name)
    except ServingError as error:
        return {"gone": error.public}
    return {
        "gone": "",
        "new": new,
        "live": live,
        "metrics": [_metric(each, new, live) for each in new.metrics],
        "may_decide": caller().may("admin", name),
    }


def _metric(name: str, new: Manifest, live: Manifest) -> Metric:
    ours, theirs = new.metrics[name], live.metrics.get(name)
    is_other = new.version != live.version
    verdict = judged(name, ours, theirs) if theirs and is_other else ""
    return Metric(name, ours, theirs if is_other else None, verdict)
