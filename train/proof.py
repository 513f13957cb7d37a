"""A forest compiled to ONNX, and the proof that it answers as the pickle does."""

import io
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType

from serving.artefact import ONNX, PICKLE, Artefact, recorded
from serving.engine import Agreement, Engine, from_onnx
from serving.schema import Matrix

PROOF_ROWS, PROOF_SEED = 24_000, 1
RECORDED_ROWS = 500


def to_onnx(forest: Any) -> bytes:
    """Convert a fitted forest, for matrices in double precision."""
    rows = [("rows", DoubleTensorType([None, forest.n_features_in_]))]
    # Named, for the name it would be given is random and no two conversions would be equal.
    model = convert_sklearn(forest, name="forest", initial_types=rows, options={"zipmap": False})
    content: bytes = model.SerializeToString()
    return content


def record(artefact: Artefact, forest: Any) -> bytes:
    """Some of the proof's rows and the forest's answers to them, for the service to check."""
    rows = _rows(artefact, forest)[:: PROOF_ROWS // RECORDED_ROWS]
    return recorded(rows, forest.predict_proba(rows))


def prove(artefact: Artefact) -> Agreement:
    """Hold a version's ONNX model against its pickle, on rows where they would part first.

    Half of the rows are distributed as in training; the others stand on and around the forest's
    own thresholds.
    """
    rows = _rows(artefact, joblib.load(io.BytesIO(artefact.contents[PICKLE])))
    contents = {file: content for file, content in artefact.contents.items() if file != ONNX}
    pickled = Engine(replace(artefact, contents=contents))
    return pickled.compare(from_onnx(artefact.contents[ONNX]), rows)


def _rows(artefact: Artefact, forest: Any) -> Matrix:
    rows = artefact.reference.sample(artefact.manifest.fields, PROOF_ROWS, PROOF_SEED)
    half = PROOF_ROWS // 2
    rows[half:] = rows_on_thresholds(forest, rows[half:], PROOF_SEED)
    return rows


def rows_on_thresholds(forest: Any, rows: Matrix, seed: int) -> Matrix:
    """Move each row onto, just below or just above a threshold that it meets in the forest.

    Of each row one value is replaced: at a random node on the row's path through a random tree, by
    the node's threshold or one of its neighbours in single or double precision. These are the rows
    on which two implementations of the same trees part first.
    """
    random = np.random.default_rng(seed)
    moved = rows.copy()
    owner = random.integers(len(forest.estimators_), size=len(rows))
    for number, member in enumerate(forest.estimators_):
        mine = np.flatnonzero(owner == number)
        if not len(mine):
            continue
        paths = member.decision_path(rows[mine].astype(np.float32))
        for at, row in enumerate(mine):
            path = paths.indices[paths.indptr[at] : paths.indptr[at + 1]]
            inner = path[member.tree_.children_left[path] >= 0]
            node = random.choice(inner)
            threshold = member.tree_.threshold[node]
            moved[row, member.tree_.feature[node]] = random.choice(_around(threshold))
    return moved


def _around(threshold: float) -> list[float]:
    single = np.float32(threshold)
    return [
        threshold,
        np.nextafter(threshold, -np.inf),
        np.nextafter(threshold, np.inf),
        float(single),
        float(np.nextafter(single, np.float32(-np.inf))),
        float(np.nextafter(single, np.float32(np.inf))),
    ]
