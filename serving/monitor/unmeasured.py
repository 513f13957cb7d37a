"""What cannot be computed for a version, since its artefact or its window lacks something."""

from collections.abc import Iterator

from serving.models.artefact import Artefact
from serving.models.manifest import Figure
from serving.monitor.findings import MIN_MEASURED, ConceptDrift
from serving.monitor.performance.predictions import positive_label
from serving.monitor.window import Window
from serving.statement import Statement


def held_out_metrics(trained: Artefact) -> dict[str, Figure]:
    """The metrics of training that live ones are compared with."""
    metrics = trained.manifest.metrics
    skipped = {"f1"} if _positive_is_unknown(trained) else set()
    return {name: figure for name, figure in metrics.items() if name not in skipped}


def find_unmeasured(
    trained: Artefact, window: Window, concept: ConceptDrift | None
) -> Iterator[Statement]:
    """State what could not be computed, and what it would need."""
    if not window.realised.rows:
        yield Statement("no_feedback")
    if not trained.manifest.metrics:
        yield Statement("no_figures")
    elif concept is None:
        yield Statement("no_loss")
    if trained.manifest.metrics and _positive_is_unknown(trained):
        yield Statement("f1_of_unknown")
    if not window.decoder.has_probabilities:
        yield Statement("no_probabilities")
    elif window.estimated.rows < MIN_MEASURED:
        yield Statement("few_to_estimate", {"rows": window.estimated.rows, "needed": MIN_MEASURED})
    elif not trained.reference.reliability:
        yield Statement("no_reliability")


def _positive_is_unknown(trained: Artefact) -> bool:
    """Whether F1 is that of one of two labels, and the artefact does not record which."""
    two = len(trained.manifest.classes) == 2  # noqa: PLR2004
    return two and positive_label(trained.manifest, trained.reference) is None
