"""The columns of predictions, in every format that has columns."""

from serving.formats.explained import Columns
from serving.models.manifest import Manifest


def column_names(manifest: Manifest, explained: Columns | None, *, ids: bool) -> list[str]:
    """List the columns of a model's predictions; explanations come before the warnings."""
    return [
        *(["id"] if ids else []),
        "prediction",
        *names_between(manifest),
        *(explained.names if explained else []),
        "warnings",
        "error",
    ]


def names_between(manifest: Manifest) -> list[str]:
    """List the columns of probabilities, or of the ends of an interval."""
    return [
        *(f"P({label})" for label in manifest.classes),
        *(["low", "high"] if manifest.interval else []),
    ]
