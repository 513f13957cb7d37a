"""Which rule a fitted classifier's `predict` follows: what is told must be what it says."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC

from serving.inputs.schema import Matrix
from serving.models.backends import from_estimator
from serving.models.engine import TIE
from serving.models.manifest import Manifest, Threshold
from serving.models.outputs import make_decoder, margins

EDGES = 1e-3  # share of rows on an edge that rounding may decide


class Decided(NamedTuple):
    """A manifest that says how labels are decided, and a sentence about it for people."""

    manifest: Manifest
    sentence: str = ""


def decide(fitted: Any, manifest: Manifest, rows: Matrix) -> Decided:
    """Hold `predict` against rules on its probabilities; where none does, `predict` is served.

    A threshold that the manifest has is the problem's own and stays.

    Parameters
    ----------
    rows : ndarray of float, shape (rows, fields)
        That the estimator answers.
    """
    if manifest.task == "regression" or manifest.threshold:
        return Decided(manifest)
    if not hasattr(fitted, "predict_proba"):
        how = "labels: what the estimator's predict says; it has no probabilities"
        return Decided(replace(manifest, outputs="labels"), how)
    both = replace(manifest, outputs="both")
    outputs = from_estimator(fitted, both)(rows)
    said = make_decoder(both)(outputs).values
    probabilities = outputs[:, :-1]
    found = []
    for rule in _rules(fitted, manifest):
        told = make_decoder(rule)(probabilities).values
        clear = margins(rule, probabilities) > TIE
        unlike = np.array([one != other for one, other in zip(said, told, strict=True)])
        differ = int((clear & unlike).sum()) or _beyond_chance(unlike)
        if not differ and not _has_its_own(fitted):
            how = (
                f"the estimator's own threshold on P({rule.threshold.label})"
                if rule.threshold
                else "the most probable"
            )
            return Decided(rule, f"labels: {how}, as its predict says of all {len(rows):,} rows")
        found.append(differ)
    return Decided(
        both,
        f"labels: what the estimator's predict says, beside its probabilities; the most probable "
        f"label is another one on {found[-1]:,} of {len(rows):,} rows",
    )


def _beyond_chance(unlike: NDArray[np.bool_]) -> int:
    """The rows on an edge between two labels, if the last bit of a sum cannot explain so many.

    Where probabilities are tied by rule, as those of several sure classes are, `predict` breaks
    the tie by what the probabilities do not tell.
    """
    rows = int(unlike.sum())
    return rows if rows > EDGES * len(unlike) else 0


def _rules(fitted: Any, manifest: Manifest) -> Iterator[Manifest]:
    fitted, value = _last(fitted), None
    if isinstance(fitted, FixedThresholdClassifier):
        value = 0.5 if fitted.threshold == "auto" else fitted.threshold
    elif isinstance(fitted, TunedThresholdClassifierCV):
        value = fitted.best_threshold_
    if value is not None and len(manifest.classes) == 2:  # noqa: PLR2004
        reason = f"the threshold of the {type(fitted).__name__}"
        for label in reversed(manifest.classes):  # of which label, `predict` will tell
            yield replace(manifest, threshold=Threshold(label, float(value), reason))
    yield manifest


def _has_its_own(fitted: Any) -> bool:
    """Whether labels and probabilities come about apart, and agree by chance at the most."""
    return isinstance(_last(fitted), SVC | NuSVC)


def _last(fitted: Any) -> Any:
    """The last step of a Pipeline, which decides."""
    while isinstance(fitted, Pipeline):
        fitted = fitted.steps[-1][1]
    return fitted
