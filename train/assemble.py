"""From a fitted estimator and what is known of it to a version on disk."""

import io
import pickle
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions, version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import joblib
import msgspec
import numpy as np

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models import artefact, model_folder
from serving.models.artefact import Artefact
from serving.models.card import Card
from serving.models.engine import Agreement
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.models.refusals import reason
from serving.versions.rehearsal import rehearse
from train.errors import TrainingError
from train.fitting.decision import decide
from train.onnx import proof
from train.onnx.proof_rows import Drawn

STEPS = 2  # ONNX, the proof
ALWAYS = {"scikit-learn", "numpy", "joblib", "skl2onnx", "onnx"}
FAMILIAR = {*sys.stdlib_module_names, "sklearn", "numpy", "joblib", "scipy"}  # top modules


class Trained(NamedTuple):
    """A version that was written, and what proved that its ONNX model may serve.

    Attributes
    ----------
    agreement : Agreement or None
        None if there is no ONNX model of its estimator.
    live : bool
        Whether it was put live.
    remarks : tuple of str
        What else is to be known about it.
    """

    artefact: Artefact
    agreement: Agreement | None
    live: bool
    remarks: tuple[str, ...] = ()


class Ready(NamedTuple):
    """A manifest that says how labels are decided, and the rows of the proof.

    Attributes
    ----------
    remarks : tuple of str
        How labels are decided, and what of the rows the estimator refuses.
    """

    manifest: Manifest
    rows: Drawn
    remarks: tuple[str, ...]


def ready(manifest: Manifest, reference: Reference, fitted: Any, sample: Matrix) -> Ready:
    """Draw the rows of the proof, and hold the estimator's `predict` against its probabilities.

    Parameters
    ----------
    sample : ndarray of float, shape (rows, fields)
        Rows of the data, which the estimator answers.

    Raises
    ------
    TrainingError
        If the estimator refuses nearly all that is drawn.
    """
    rows = proof.drawn(manifest, reference, fitted)
    if not len(rows.answered):
        why = next(iter(rows.refused.values()))
        raise TrainingError(f"the estimator answers no row such as the sample's: {why}")
    decided = decide(fitted, manifest, np.vstack([sample, rows.answered]))
    remarks = [decided.sentence] if decided.sentence else []
    if rows.refused:
        others = len(rows.refused) + rows.left_out
        why = next(iter(rows.refused.values()))
        remarks.append(f"{others:,} rows of the proof are refused, as such records will be: {why}")
    return Ready(decided.manifest, rows, tuple(remarks))


def write(
    models_dir: Path,
    ready: Ready,
    reference: Reference,
    fitted: Any,
    progress: Callable[[], None],
    *,
    card: Card | None = None,
) -> Trained:
    """Write the next version of a model, and put it live if no other version is.

    Nothing is written if a version cannot predict its own example.

    Parameters
    ----------
    progress : callable
        Called `STEPS` times on the way.
    card : Card or None
        Where it was evaluated on rows that it had not seen.

    Raises
    ------
    TrainingError
    """
    manifest = ready.manifest
    contents = {artefact.PICKLE: _pickled(fitted), artefact.REFERENCE: artefact.pretty(reference)}
    if card:
        contents[artefact.CARD] = msgspec.json.encode(card) + b"\n"
    if compiled := proof.to_onnx(fitted, manifest):
        contents[artefact.ONNX] = compiled
    new = Artefact(manifest, reference, contents)
    contents[artefact.OUTPUTS] = proof.record(new, fitted, ready.rows)
    progress()
    agreement = proof.prove(new, ready.rows) if compiled else None
    if agreement and not agreement.holds:
        del contents[artefact.ONNX]
    progress()
    try:
        rehearse(new)
    except ArtefactError as error:
        raise TrainingError(f"it would not serve, so it is not written: {error}") from error

    number = artefact.write(models_dir, manifest, contents)
    first = model_folder.put_first_live(models_dir / manifest.name, number)
    written = artefact.read(models_dir, manifest.name, number)
    return Trained(written, agreement, first, ready.remarks)


def libraries(fitted: Any) -> dict[str, str]:
    """The versions of Python and of the packages that a fitted estimator was made by.

    Raises
    ------
    TrainingError
        If its pickle needs code that is in no package, for whoever serves it would not have that.
    """
    try:
        names = _Names(io.BytesIO(pickle.dumps(fitted)))
        names.load()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TrainingError(
            f"the estimator holds what no plain pickle can ({reason(error)}), such as a lambda or "
            "a function of the script that made it: use functions and classes of installed "
            "packages, FunctionTransformer(np.log1p) say"
        ) from error
    used = set(ALWAYS)
    others = {each for each in names.found if each[0].partition(".")[0] not in FAMILIAR}
    packages = packages_distributions() if others else {}
    for module, name in others:
        distributions = packages.get(module.partition(".")[0])
        if not distributions:
            raise TrainingError(
                f"the pickle needs {module}.{name}, which is in no installed package: whoever "
                "serves it would not find that; use a library's own classes and functions"
            )
        used.add(distributions[0])
    return {"python": python_version()} | {name: version(name) for name in sorted(used)}


class _Names(pickle.Unpickler):
    """Note what a pickle imports."""

    def __init__(self, content: io.BytesIO) -> None:
        super().__init__(content)
        self.found: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.found.add((module, name))
        return super().find_class(module, name)


def _pickled(fitted: Any) -> bytes:
    if hasattr(fitted, "oob_decision_function_"):  # of use to training alone
        fitted.set_params(oob_score=False)
        del fitted.oob_decision_function_, fitted.oob_score_
    content = io.BytesIO()
    joblib.dump(fitted, content, compress=("zlib", 6))  # 9 takes six times as long, for 4 %
    return content.getvalue()
