"""From a fitted estimator and its description to a version on disk."""

import io
import pickle
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import msgspec
import numpy as np

from serving.errors import ArtefactError
from serving.figures import counted
from serving.inputs.schema import Matrix
from serving.models import artefact
from serving.models.artefact import Artefact
from serving.models.card import Card
from serving.models.engine import Agreement, Engine
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.models.refusals import reason
from serving.models.signatures import public_key
from serving.sentence import Sentence
from serving.versions.decisions import Decisions
from serving.versions.object_store import ObjectStore
from serving.versions.rehearsal import rehearse
from serving.versions.versions import whoever_runs_this
from train.errors import TrainingError
from train.fitting.decision import decide
from train.onnx import linear, proof
from train.onnx.proof_rows import ProofRows

if TYPE_CHECKING:
    from nacl.signing import SigningKey

STEPS = 2  # what is compiled, the proof
ALWAYS = {"scikit-learn", "numpy", "joblib", "skl2onnx", "onnx"}
FAMILIAR = {
    *sys.stdlib_module_names,
    "sklearn",
    "numpy",
    "joblib",
    "scipy",
    "serving",
}  # top modules


class Trained(NamedTuple):
    """A version that was written, and the proof of what was compiled.

    Attributes
    ----------
    agreements : dict of str to Agreement
        By compiled file; a file that does not agree was not written.
    live : bool
        Whether it was put live.
    remarks : tuple of str
        What else to know about it.
    """

    artefact: Artefact
    agreements: dict[str, Agreement]
    live: bool
    remarks: tuple[str, ...] = ()


class Ready(NamedTuple):
    """A complete manifest, the rows of the proof and those of the data.

    Attributes
    ----------
    sample : ndarray of float, shape (rows, fields)
        Rows of the data.
    remarks : tuple of str
        How labels are decided, and how many of the rows the estimator refuses.
    """

    manifest: Manifest
    rows: ProofRows
    sample: Matrix
    remarks: tuple[str, ...]


def ready(manifest: Manifest, reference: Reference, fitted: Any, sample: Matrix) -> Ready:
    """Draw the rows of the proof, and find out how the estimator's `predict` decides.

    Parameters
    ----------
    sample : ndarray of float, shape (rows, fields)
        Rows of the data, which the estimator accepts.

    Raises
    ------
    TrainingError
        If the estimator refuses nearly all that is drawn.
    """
    rows = proof.draw_rows(manifest, reference, fitted)
    if not len(rows.accepted):
        why = next(iter(rows.refused.values()))
        raise TrainingError(
            Sentence("the estimator refuses rows that are like its training rows: {why}", why=why)
        )
    decided = decide(fitted, manifest, np.vstack([sample, rows.accepted]))
    remarks = [decided.sentence] if decided.sentence else []
    if rows.refused:
        others = len(rows.refused) + rows.left_out
        why = next(iter(rows.refused.values()))
        remarks.append(
            f"the estimator refuses {counted(others, 'row')} of the proof, and such records later: "
            f"{why}"
        )
    return Ready(decided.manifest, rows, sample, tuple(remarks))


def write(
    models_dir: Path,
    ready: Ready,
    reference: Reference,
    fitted: Any,
    progress: Callable[[], None],
    *,
    card: Callable[[Engine], Card] | None = None,
    signing_key: "SigningKey | None" = None,
    shared: ObjectStore | None = None,
) -> Trained:
    """Write the next version of a model, and put it live if no other version is.

    Nothing is written if a version cannot predict its own example.

    Parameters
    ----------
    progress : callable
        Called `STEPS` times on the way.
    card : callable or None
        Draws up the card, given what will serve; if it was evaluated on held-out rows.
    signing_key : SigningKey or None
        If the version is to be signed.
    shared : ObjectStore or None
        What `models_dir` is a copy of, if it is one: the version is written there.

    Raises
    ------
    TrainingError, ObjectStoreError
    """
    manifest = ready.manifest
    contents = {artefact.PICKLE: _pickled(fitted), artefact.REFERENCE: artefact.pretty(reference)}
    for file, compiling in ((artefact.ONNX, proof.to_onnx), (artefact.FOREST, proof.to_forest)):
        if compiled := compiling(fitted, manifest):
            contents[file] = compiled
    if table := linear.to_linear(fitted, manifest, ready.sample):
        contents[artefact.LINEAR] = table
    new = Artefact(manifest, reference, contents)
    contents[artefact.OUTPUTS] = proof.record(new, fitted, ready.rows)
    progress()
    agreements = proof.prove(new, ready.rows)
    for file, agreement in agreements.items():
        if not agreement.holds:
            del contents[file]
    progress()
    try:
        engine = rehearse(new)
    except ArtefactError as error:
        raise TrainingError(
            Sentence("the version could not be served, so it is not written: {why}", why=str(error))
        ) from error

    if card:
        contents[artefact.CARD] = msgspec.json.encode(card(engine)) + b"\n"
    decisions = Decisions(models_dir, models_dir, shared=shared)
    number = decisions.add(manifest, contents, signing_key)
    first = decisions.put_first_live(manifest.name, number, whoever_runs_this())
    written = decisions.read(manifest.name, number)
    signed = [f"signed; the public key is {public_key(signing_key)}"] if signing_key else []
    return Trained(written, agreements, first, (*ready.remarks, *signed))


def libraries(fitted: Any) -> dict[str, str]:
    """The versions of Python and of the packages that a fitted estimator needs.

    Raises
    ------
    TrainingError
        If its pickle needs code that is in no package, which would be missing where it is served.
    """
    try:
        names = _Names(io.BytesIO(pickle.dumps(fitted)))
        names.load()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TrainingError(
            Sentence(
                "the estimator cannot be pickled ({why}), because it holds, for example, a lambda "
                "or a function of the script that made it: use functions and classes of installed "
                "packages, such as FunctionTransformer(np.log1p)",
                why=reason(error),
            )
        ) from error
    used = set(ALWAYS)
    others = {each for each in names.found if each[0].partition(".")[0] not in FAMILIAR}
    packages = packages_distributions() if others else {}
    for module, name in others:
        distributions = packages.get(module.partition(".")[0])
        if not distributions:
            raise TrainingError(
                Sentence(
                    "the pickle needs {code}, which is in no installed package, so it would be "
                    "missing where the model is served: use a library's classes and functions",
                    code=f"{module}.{name}",
                )
            )
        used.add(distributions[0])
    return {"python": python_version()} | {name: version(name) for name in sorted(used)}


class _Names(pickle.Unpickler):
    """Records what a pickle imports."""

    def __init__(self, content: io.BytesIO) -> None:
        super().__init__(content)
        self.found: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.found.add((module, name))
        return super().find_class(module, name)


def _pickled(fitted: Any) -> bytes:
    if hasattr(fitted, "oob_decision_function_"):  # needed in training only
        fitted.set_params(oob_score=False)
        del fitted.oob_decision_function_, fitted.oob_score_
    content = io.BytesIO()
    joblib.dump(fitted, content, compress=("zlib", 6))  # 9 takes six times as long, for 4 %
    return content.getvalue()
