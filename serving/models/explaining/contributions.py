"""What each field contributes to the outputs of a model: Shapley values, however they are computed.

For each row and output, the base and the contributions of all fields add up to the output.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.forest import softmax
from serving.models.manifest import Manifest

Unit = Literal["probability", "log-odds", "number", "logarithm", "logarithm of number + 1"]

TOLERANCE = 1e-9  # between base + contributions and the output; relative if that is above 1


class Contributions(NamedTuple):
    """The contributions of all fields to all outputs of some rows.

    The outputs are the probabilities of all classes, also of two; or the number of a regression.

    Attributes
    ----------
    base : ndarray, shape (outputs,)
        What the contributions are added to: the mean output in the training data or, when
        sampled, over the reference rows.
    values : ndarray, shape (rows, fields, outputs)
    error : ndarray, shape (rows, fields, outputs), or None
        The standard errors of the values; None if they are exact.
    method : str
        `trees`, `linear` or `sampling`.
    unit : Unit
        What base and values add up to. Log-odds of two classes are log(p / (1 - p)) of each; of
        more classes, the numbers whose softmax are the probabilities. A logarithm is that of the
        number of a regression.
    """

    base: NDArray[np.float64]
    values: NDArray[np.float64]
    error: NDArray[np.float64] | None
    method: str
    unit: Unit

    @property
    def sums(self) -> Matrix:
        """Base and contributions added up, shape (rows, outputs)."""
        return np.asarray(self.base + self.values.sum(axis=1))


Explain = Callable[[Matrix], Contributions]


class Explained(NamedTuple):
    """The contributions of some rows, and why a row has none.

    Attributes
    ----------
    contributions : Contributions or None
        None if no row has any.
    outputs : ndarray, shape (rows, outputs)
        What base and contributions add up to.
    reasons : dict of int to str
        By the position of the row.
    """

    contributions: Contributions | None
    outputs: Matrix
    reasons: dict[int, str]


def explained_outputs(manifest: Manifest, outputs: Matrix) -> Matrix:
    """Return the outputs that are explained; of a model without probabilities 1 for the label."""
    if not manifest.classes or manifest.outputs == "probabilities":
        return outputs
    if manifest.outputs == "both":
        return outputs[:, :-1]
    return np.eye(len(manifest.classes))[outputs[:, -1].astype(np.intp)]


def adds_up(found: Contributions, outputs: Matrix) -> NDArray[np.bool_]:
    """Whether base and contributions of each row add up to the outputs that are explained."""
    with np.errstate(all="ignore"):  # what is not finite does not add up
        sums = FROM_UNIT.get(found.unit, np.asarray)(found.sums)
        gaps = np.abs(sums - outputs) / np.maximum(1.0, np.abs(outputs))
    return np.asarray((gaps <= TOLERANCE).all(axis=1))


def _probabilities(log_odds: Matrix) -> Matrix:
    if log_odds.shape[1] == 2:  # noqa: PLR2004 - of each label, unlike those of more
        return np.asarray(1 / (1 + np.exp(-log_odds)))
    return softmax(log_odds)


# From what is explained to the output; the other units are those of outputs.
FROM_UNIT: dict[Unit, Callable[[Matrix], Matrix]] = {
    "log-odds": _probabilities,
    "logarithm": np.exp,
    "logarithm of number + 1": np.expm1,
}
