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

from serving import artefact
from serving.artefact import Artefact
from serving.card import Card
from serving.engine import Agreement
from serving.manifest import Manifest, Reference
from train import proof
from train.errors import TrainingError

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
    """

    artefact: Artefact
    agreement: Agreement | None
    live: bool


def write(
    models_dir: Path,
    manifest: Manifest,
    reference: Reference,
    fitted: Any,
    progress: Callable[[], None],
    *,
    card: Card | None = None,
) -> Trained:
    """Write the next version of a model, and put it live if no other version is.

    Parameters
    ----------
    progress : callable
        Called `STEPS` times on the way.
    card : Card or None
        Where it was evaluated on rows that it had not seen.
    """
    contents = {artefact.PICKLE: _pickled(fitted), artefact.REFERENCE: artefact.pretty(reference)}
    if card:
        contents[artefact.CARD] = msgspec.json.encode(card) + b"\n"
    if compiled := proof.to_onnx(fitted, manifest):
        contents[artefact.ONNX] = compiled
    new = Artefact(manifest, reference, contents)
    contents[artefact.ANSWERS] = proof.record(new, fitted)
    progress()
    agreement = proof.prove(new) if compiled else None
    if agreement and not agreement.holds:
        del contents[artefact.ONNX]
    progress()

    number = artefact.write(models_dir, manifest, contents)
    first = artefact.put_first_live(models_dir / manifest.name, number)
    return Trained(artefact.read(models_dir, manifest.name, number), agreement, first)


def libraries(fitted: Any) -> dict[str, str]:
    """The versions of Python and of the packages that a fitted estimator was made by.

    Raises
    ------
    TrainingError
        If its pickle needs code that is in no package, for whoever serves it would not have that.
    """
    names = _Names(io.BytesIO(pickle.dumps(fitted)))
    names.load()
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
