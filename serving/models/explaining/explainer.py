"""Explains the predictions of a version: exactly if it has a table for that, else by sampling."""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import cached_property

import numpy as np

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models.artefact import FOREST, LINEAR, Artefact
from serving.models.backends import Compute
from serving.models.explaining.contributions import (
    FROM_UNIT,
    Explain,
    Explained,
    Unit,
    adds_up,
    explained_outputs,
)
from serving.models.explaining.forest import from_forest
from serving.models.explaining.linear import from_linear
from serving.models.explaining.sampling import Sampling
from serving.models.manifest import Manifest

log = logging.getLogger(__name__)

Load = Callable[[bytes, Manifest], Explain | None]

# By file, what computes contributions exactly; None if the file does not have what that takes.
LOADERS: dict[str, Load] = {FOREST: from_forest, LINEAR: from_linear}
DOES_NOT_ADD_UP = "the contributions of the fields do not add up to the output for this record"
NOT_FINITE = "the model has no finite output for some records between this one and usual ones"
OUT_OF_TIME = (
    "the explanations of this request took more than {} seconds; send fewer records at once, or "
    "set EXPLAIN_SECONDS"
)
FAILED = "the explanation failed; the log of the service has the reason"


class Explainer:
    """Explains rows; tables are loaded when they are first needed.

    Parameters
    ----------
    compute : callable
        Computes the model's outputs.
    references : ndarray, shape (rows, fields)
        Rows that the estimator accepts.
    unfit : collection of str
        The files that do not reproduce the recorded outputs.
    """

    def __init__(
        self, artefact: Artefact, compute: Compute, references: Matrix, unfit: Collection[str]
    ) -> None:
        manifest = artefact.manifest
        self._manifest, self._unfit = manifest, unfit
        self._contents = {
            file: artefact.contents[file] for file in LOADERS if file in artefact.contents
        }
        unit: Unit = "probability" if manifest.classes else "number"

        def explained(rows: Matrix) -> Matrix:  # knows no artefact, whose pickle is megabytes
            return explained_outputs(manifest, compute(rows))

        self._compute: Compute = explained
        self._sampling = Sampling(self._compute, references, unit)

    def explain(self, rows: Matrix, samples: int, seconds: float) -> Explained:
        """Explain rows that the estimator accepts; whatever fails is the reason for no explanation.

        Parameters
        ----------
        samples : int
            How many orders of the fields are drawn for a model without a table.
        seconds : float
            How long that may take; rows that are left then are not explained.
        """
        outputs = self._compute(rows)
        try:
            found = (
                self._exact(rows) if self._exact else self._sampling.explain(rows, samples, seconds)
            )
        except MemoryError:
            raise
        except Exception:  # why: estimators and runtimes raise anything; the predictions are good
            log.exception("%s: no explanation", self._manifest.name)
            return Explained(None, outputs, dict.fromkeys(range(len(rows)), FAILED))
        count = len(found.values)
        wrong = np.flatnonzero(~adds_up(found, outputs[:count])).tolist()
        finite = np.asarray(np.isfinite(found.sums).all(axis=1))
        reasons = {row: DOES_NOT_ADD_UP if finite[row] else NOT_FINITE for row in wrong}
        reasons |= dict.fromkeys(range(count, len(rows)), OUT_OF_TIME.format(seconds))
        if found.unit in FROM_UNIT:
            outputs = found.sums
        return Explained(found, outputs, reasons)

    @cached_property
    def _exact(self) -> Explain | None:
        """What a table computes; None without one that can be used."""
        return load_exact(self._contents, self._manifest, self._unfit)


def load_exact(
    contents: Mapping[str, bytes], manifest: Manifest, unfit: Collection[str] = ()
) -> Explain | None:
    """Load what computes contributions exactly: the first table that can be used; None without."""
    for file, load in LOADERS.items():
        if file not in contents or file in unfit:
            continue
        try:
            found = load(contents[file], manifest)
        except ArtefactError as error:
            log.error("%s: %s %s", manifest.name, file, error)  # noqa: TRY400 - the message is enough
        else:
            if found:
                return found
    return None
