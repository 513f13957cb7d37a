"""What is erased is gone from the store, the journal and the reports, and nothing else is."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from entries import NOON, feedback, ids, predicted
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from recorded import MARK, Recorded, about, holding

from serving import clock
from serving.recording import erasure
from serving.recording.erasure import FieldValue, Ids, Subject
from serving.recording.store.reports import Alert, Report
from serving.statement import Statement


@pytest.fixture
def recorded(tmp_path: Path, store_url: str) -> Iterator[Recorded]:
    made = Recorded(tmp_path, store_url)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (Ids(["a", "b"]), "ids"),
        (Subject([MARK]), "subject"),
        (FieldValue("wine", "alcohol", [MARK]), "field"),
    ],
)
def test_what_is_erased_leaves_an_entry_without_a_value(
    recorded: Recorded, what: erasure.What, kind: str
):
    recorded.record(*about(MARK, "a", "b"), *about("other", "c"), feedback("bom", "x"))
    recorded.collector.attempt()
    recorded.record(*about("other", "d"))  # in the same file of the journal, and not moved yet
    assert holding(recorded.folder)
    before = clock.now()
    left = recorded.erase(what)
    assert (left.who, left.kind) == ("ana", kind)
    assert (left.predictions, left.feedback, left.trials) == (2, 2, 2)
    assert before <= left.time <= left.done <= clock.now()
    assert holding(recorded.folder) == []
    assert {path.suffix for path in recorded.folder.iterdir()} == {".json", ".jsonl"}
    assert sorted(ids(recorded.store)) == ["c", "d"]
    assert recorded.store.prediction("c")[1]
    recorded.record(*about("other", "e"))  # the process goes on writing to its file
    recorded.collector.attempt()
    assert sorted(ids(recorded.store)) == ["c", "d", "e"]


def test_what_comes_later_about_it_is_not_stored(recorded: Recorded):
    """A trial predicts after the response; feedback may come after years."""
    recorded.record(*about(MARK, "a")[:1], *about("other", "b")[:1])
    recorded.erase(Ids(["a"]))
    for late in ("a", "b"):
        recorded.record(*about(MARK if late == "a" else "late", late)[1:])
    recorded.collector.attempt()
    assert recorded.store.unmatched(2 * NOON, 9)[0] == 0
    assert recorded.store.trial("wine", 2, numbers=False).rows == 1
    recorded.store.add([predicted("a")], {})
    assert recorded.store.trial("wine", 2, numbers=False).rows == 1
    assert recorded.store.prediction("b")[1]


def test_feedback_without_a_prediction_is_erased_by_its_id(recorded: Recorded):
    recorded.record(feedback(MARK, "never"), feedback("bom", "nor this"))
    left = recorded.erase(Ids(["never"]))
    assert (left.predictions, left.feedback) == (0, 1)
    assert [each.prediction_id for each in recorded.store.unmatched(2 * NOON, 9)[1]] == ["nor this"]


def report(mark: str, since: int | None, until: int | None, time: int, version: int) -> Report:
    window = {"since": since, "until": until}
    text = msgspec.json.encode({"window": window, "edges": mark})
    return Report("wine", version, time, Raw(text), 0, Raw(b"{}"))


def test_reports_about_its_time_are_blanked_with_it(recorded: Recorded):
    """Their minimum and maximum are values that somebody sent."""
    recorded.collector.attempt()
    reports = recorded.store.reports
    raised = Alert(
        model="wine", version=1, kind="data drift", raised=9, statements=(Statement("moved"),)
    )
    windows = {1: (NOON - 1, NOON), 2: (NOON + 1, NOON + 2), 3: (None, None), 4: (NOON, NOON)}
    for version, window in windows.items():
        alerts = [raised] if version == 1 else []
        wrote = reports.write(
            report(MARK, *window, NOON, version), Raw(b"{}"), alerts, [], before=0
        )
        assert wrote
    recorded.record(predicted("a"), predicted("b", version=2), predicted("c", version=3))
    assert recorded.erase(Ids(["a", "b", "c"])).done
    blank = {each: bytes(reports.latest("wine", each).report) == b"null" for each in windows}
    assert blank == {1: True, 2: False, 3: False, 4: False}
    assert reports.of_alert("wine", 9) is None


def test_a_check_that_began_before_does_not_bring_it_back(recorded: Recorded):
    recorded.collector.attempt()
    reports, began = recorded.store.reports, clock.now()
    assert reports.write(report("", 1, 2, began - 9, 1), Raw(b"{}"), [], [], before=0)
    recorded.record(*about(MARK, "a"))
    recorded.erase(Ids(["a"]))
    for version in (1, 2):
        before = began - 9 if version == 1 else 0
        late = report(MARK, 1, 2, began, version)
        assert not reports.write(late, Raw(b"{}"), [], [], before=before)
        later = report("", 1, 2, clock.now() + 1, version)
        assert reports.write(later, Raw(b"{}"), [], [], before=before)


VALUES = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)  # JSON has neither
    | st.text(max_size=9)
    | st.integers(-9, 9)
)


@settings(max_examples=40)  # each has a store of its own
@given(st.lists(VALUES, max_size=6), VALUES.filter(lambda value: value is not None))
def test_by_value_exactly_the_records_with_it_are_erased(values: list[Any], value: Any):
    with tempfile.TemporaryDirectory() as folder:
        recorded = Recorded(Path(folder), f"sqlite:///{folder}/store.db")
        for at, each in enumerate(values):
            fields = ["f", "g"] if at % 2 else ["g", "f"]
            row = [each, "other"] if at % 2 else ["other", each]
            recorded.record(predicted(f"id-{at}", fields=fields, records=[row], time=NOON + at))
        recorded.record(predicted("beer", model="beer", fields=["f"], records=[[value]]))
        recorded.record(predicted("elsewhere", fields=["g"], records=[[value]]))
        recorded.erase(FieldValue("wine", "f", [value]))
        kept = {
            f"id-{at}"
            for at, each in enumerate(values)
            if each != value or isinstance(each, bool) != isinstance(value, bool)
        }
        assert {*ids(recorded.store)} == kept | {"elsewhere"}
        assert recorded.store.prediction("beer")
        recorded.close()
