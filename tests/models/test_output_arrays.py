"""Predictions as arrays are those that are made as lists, to the last bit."""

from typing import Any

import numpy as np
import pytest
from conftest import MODELS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec.structs import replace

from serving.errors import InvalidRecords
from serving.models import artefact
from serving.models.manifest import Interval, Manifest, Threshold
from serving.models.output_arrays import OutputArrays, to_arrays
from serving.models.outputs import make_decoder


def within(low: float, *, relative: bool) -> Interval:
    return Interval(0.9, low, 2.5, relative=relative, observed=0.9, rows=9)


WINE = artefact.read_manifest(MODELS, "wine", 1)
LABELS = ("a", "b", "c")
NUMBER: dict[str, Any] = {"task": "regression", "classes": (), "threshold": None}
MANIFESTS = [
    *(
        replace(WINE, classes=("no", "yes"), threshold=Threshold(label, 0.3, "chosen"))
        for label in ("no", "yes")
    ),
    replace(WINE, classes=LABELS, threshold=None),
    replace(WINE, classes=LABELS, threshold=None, outputs="labels"),
    replace(WINE, classes=LABELS, threshold=None, outputs="both"),
    replace(WINE, **NUMBER, interval=None),
    *(
        replace(WINE, **NUMBER, interval=within(low, relative=relative))
        for low in (-1.5, 0.5)
        for relative in (True, False)
    ),
]
CHANCES = st.sampled_from([0.0, -0.0, 0.3, 0.29999999999999999, 0.5, 0.7]) | st.floats(0, 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.just(-0.0)


@st.composite
def raw_outputs(draw: st.DrawFn) -> tuple[Manifest, Any]:
    """A kind of model, and raw outputs of it."""
    manifest = draw(st.sampled_from(MANIFESTS))
    count, labels = draw(st.integers(1, 6)), len(manifest.classes)
    codes = draw(arrays(np.float64, (count, 1), elements=st.sampled_from([0.0, 1.0, 2.0])))
    if not labels:
        return manifest, draw(arrays(np.float64, (count, 1), elements=NUMBERS))
    if manifest.outputs == "labels":
        return manifest, codes
    chances = draw(arrays(np.float64, (count, labels), elements=CHANCES))
    return manifest, np.hstack([chances, codes]) if manifest.outputs == "both" else chances


@given(given_outputs=raw_outputs())
def test_arrays_have_what_lists_have(given_outputs: tuple[Manifest, Any]):
    manifest, outputs = given_outputs
    listed = make_decoder(manifest)(outputs)
    made = to_arrays(outputs, manifest)
    values = made.values.tolist()
    labels = [manifest.classes[code] for code in values] if manifest.classes else values
    assert labels == listed.values
    between = listed.probabilities or [[*each] for each in listed.intervals]
    assert made.between.tolist() == (between or [[] for _ in values])
    assert not np.signbit(made.between[made.between == 0]).any()
    again = OutputArrays.of(listed, manifest)
    np.testing.assert_array_equal(again.values, made.values)
    assert again.between.tolist() == made.between.tolist()


@pytest.mark.parametrize("manifest", [MANIFESTS[0], MANIFESTS[5]])
def test_outputs_that_are_not_finite_are_refused_by_row(manifest: Manifest):
    outputs = np.ones((4, max(1, len(manifest.classes))))
    outputs[[1, 3], -1] = np.nan, np.inf
    with pytest.raises(InvalidRecords) as refused:
        to_arrays(outputs, manifest)
    assert [fault.record for fault in refused.value.faults] == [1, 3]


@pytest.mark.parametrize("value", [1.2e308, -1.2e308])
def test_an_interval_of_which_both_ends_overflow_is_finite(value: float):
    manifest = MANIFESTS[-2]
    outputs = np.array([[value], [value]])
    listed = make_decoder(manifest)(outputs)
    assert np.isfinite(listed.intervals).all()
    assert to_arrays(outputs, manifest).between.tolist() == [[*each] for each in listed.intervals]
