"""The store behaves the same over SQLite and PostgreSQL, both real."""

import json
from itertools import permutations
from typing import Any

import msgspec
import pytest
from entries import NOON, feedback, ids, predicted

from serving.errors import StoreError
from serving.recording.store import Store, retention
from serving.recording.store.rows import Cursor, Position


def plain(value: Any) -> Any:
    """A struct of the store, or a list of them, as the JSON that a client would see."""
    return json.loads(msgspec.json.encode(value))


def test_a_classification_is_read_as_it_was_written(store: Store):
    chances = {"classes": ["Não aprovado", "bom"], "probabilities": [[0.75, 0.25]]}
    fault = {"field": "type", "message": "…"}
    entry = predicted("a", predictions=["Não aprovado"], warnings={0: [fault]}, **chances)
    store.add([entry], {})
    found, given = store.prediction("a")
    assert plain(found) == {
        "id": "a",
        "time": NOON,
        "model": "wine",
        "version": 1,
        "request_id": "query",
        "duration": 321,
        "subject": None,
        "key": None,
        "own_id": None,
        "record": {"alcohol": 9.5, "type": "white"},
        "prediction": "Não aprovado",
        "probabilities": {"Não aprovado": 0.75, "bom": 0.25},
        "interval": None,
        "warnings": [fault],
        "explanation": None,
        "actual": None,
    }
    assert given == []
    assert store.prediction("b") is None


def test_a_regression_has_an_interval_and_no_probabilities(store: Store):
    store.add([predicted("a", predictions=[5.8], intervals=[(5.1, 6.4)])], {})
    found = plain(store.prediction("a")[0])
    assert found["prediction"] == 5.8
    assert found["interval"] == {"low": 5.1, "high": 6.4}
    assert found["probabilities"] is None


def test_each_prediction_has_its_own_explanation(store: Store):
    reasons = [{"unit": "probability", "base": 0.5}, {"reason": "é"}]
    store.add([predicted("a-0", "a-1", explanations=reasons), predicted("b")], {})
    found = [plain(store.prediction(each)[0])["explanation"] for each in ("a-0", "a-1", "b")]
    assert found == [*reasons, None]


def test_a_batch_is_stored_as_single_predictions(store: Store):
    batch = [f"a-{position}" for position in range(12)]
    warned = {2: [{"message": "odd"}]}
    store.add([predicted(*batch, warnings=warned, predictions=list("abcdefghijkl"))], {})
    found = {each.id: plain(each) for each in store.predictions("wine", limit=100)}
    assert sorted(found) == sorted(batch)
    assert found["a-11"]["record"] == {"alcohol": 20.5, "type": "white"}
    assert found["a-11"]["prediction"] == "l"
    assert [each for each in batch if found[each]["warnings"]] == ["a-2"]


def test_entries_that_are_added_twice_are_stored_once(store: Store):
    entries = [predicted("a"), predicted("b-0", "b-1"), feedback("bom", "a")]
    store.add(entries, {})
    store.add([*entries, predicted("c")], {})
    assert ids(store) == ["c", "b-1", "b-0", "a"]
    assert len(store.prediction("a")[1]) == 1


def test_new_entries_are_stored_beside_those_that_are_added_again(store: Store):
    store.add([predicted("a")], {})
    store.add([predicted("b"), predicted("a"), predicted("c", fields=["pH"], records=[[3]])], {})
    assert ids(store) == ["c", "b", "a"]
    assert plain(store.prediction("c")[0])["record"] == {"pH": 3}


def test_an_entry_that_is_repeated_in_one_call_is_stored_once(store: Store):
    store.add([predicted("a"), predicted("a"), feedback("bom", "a", "a")], {})
    assert ids(store) == ["a"]
    assert len(store.prediction("a")[1]) == 1


def test_the_latest_feedback_counts_and_all_is_kept_in_any_order_of_arrival(store: Store):
    deliveries = [
        feedback("bom", "ID", at=NOON + 1, request_id="first"),
        feedback("ruim", "ID", at=NOON + 2, request_id="second"),
        feedback("bom", "ID", at=NOON + 3, request_id="third"),
        predicted("ID"),
    ]
    for number, order in enumerate(permutations(deliveries)):
        for entry in order:
            entry.ids[0] = f"id-{number}"
            store.add([entry], {})
        found, given = store.prediction(f"id-{number}")
        assert plain(found)["actual"] == "bom"
        assert [(plain(each.actual), each.time, each.request_id) for each in given] == [
            ("bom", NOON + 3, "third"),
            ("ruim", NOON + 2, "second"),
        ]
    assert store.unmatched(NOON + 100, 10) == (0, [])


def test_pages_are_complete_without_repeats_under_equal_times(store: Store):
    store.add([predicted(time=NOON + number // 7) for number in range(50)], {})
    whole = store.predictions("wine", limit=1000)
    assert [(each.time, each.id) for each in whole] == sorted(
        ((each.time, each.id) for each in whole), reverse=True
    )
    pages, after = [], None
    while page := store.predictions("wine", limit=8, after=after):
        pages += page
        after = Cursor(page[-1].time, page[-1].id)
    assert [each.id for each in pages] == [each.id for each in whole]
    assert len(pages) == 50


def test_each_prediction_of_a_page_has_its_latest_feedback(store: Store):
    result = [feedback(3, "b", at=NOON), feedback(4.5, "b", at=NOON + 1)]
    store.add([predicted("a"), predicted("b"), *result], {})
    assert [plain(each.actual) for each in store.predictions("wine", limit=9)] == [4.5, None]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["e", "d", "c", "b", "a"]),
        ({"limit": 2}, ["e", "d"]),
        ({"since": NOON + 2}, ["e", "d", "c"]),
        ({"until": NOON + 2}, ["b", "a"]),
        ({"since": NOON + 1, "until": NOON + 3}, ["c", "b"]),
        ({"since": NOON + 3, "until": NOON + 1}, []),
        ({"version": 2}, ["e", "d", "c"]),
        ({"version": 3}, []),
        ({"label": "Não aprovado"}, ["d", "b"]),
        ({"label": "Não aprovado", "version": 2}, ["d"]),
        ({"label": 'Não"'}, []),
        ({"own_id": "own"}, ["d"]),
        ({"own_id": "own", "version": 1}, []),
        ({"after": Cursor(NOON + 2, "c")}, ["b", "a"]),
        ({"after": Cursor(NOON + 2, "c"), "until": NOON + 1}, ["a"]),
        ({"after": Cursor(NOON + 1, "b"), "until": NOON + 4}, ["a"]),
        ({"after": Cursor(NOON + 4, "e"), "label": "Não aprovado", "limit": 1}, ["d"]),
    ],
)
def test_predictions_are_filtered(store: Store, query: dict[str, Any], expected: list[str]):
    labels = ["bom", "Não aprovado", "bom", "Não aprovado", "bom"]
    versions = [1, 1, 2, 2, 2]
    entries = [
        predicted(
            each,
            time=NOON + number,
            version=version,
            predictions=[label],
            own_id="own" if each == "d" else "",
        )
        for number, (each, version, label) in enumerate(zip("abcde", versions, labels, strict=True))
    ]
    store.add([*entries, predicted("z", model="beer", own_id="own")], {})
    assert ids(store, **query) == expected


def test_ids_sort_by_byte_in_every_database(store: Store):
    mixed = ["a-1", "a-10", "a-2", "A", "b", "é", "_"]
    store.add([predicted(*mixed)], {})
    assert ids(store) == sorted(mixed, reverse=True)


def test_unmatched_feedback_is_counted_and_listed(store: Store):
    store.add([predicted("known"), feedback("bom", "known", "lost-1", at=NOON)], {})
    store.add([feedback("bom", "lost-2", at=NOON + 1), feedback(2.5, "later", at=NOON + 2)], {})
    count_, listed = store.unmatched(NOON + 3, limit=2)
    assert count_ == 3
    assert [each.prediction_id for each in listed] == ["later", "lost-2"]
    assert plain(listed[0].actual) == 2.5
    store.add([predicted("later")], {})
    assert store.unmatched(NOON + 3, limit=2)[0] == 2
    assert store.unmatched(NOON + 1, limit=2)[0] == 1


def test_retention_deletes_old_records_of_every_model(store: Store):
    store.add([predicted("old"), predicted("beer-old", model="beer")], {})
    store.add([predicted("new", time=NOON + 10)], {})
    store.add([feedback("bom", "old", "lost"), feedback("bom", "new"), feedback("ruim", "old")], {})
    late = feedback("bom", "old", "lost-late", at=NOON + 10)
    store.add([late], {})
    assert store.delete_older(NOON + 10) == 2
    assert ids(store) == ["new"]
    assert store.prediction("beer-old") is None
    assert len(store.prediction("new")[1]) == 1
    store.add([predicted("old"), predicted("lost"), predicted("lost-late")], {})
    kept = {name: len(store.prediction(name)[1]) for name in ("old", "lost", "lost-late")}
    assert kept == {"old": 0, "lost": 0, "lost-late": 1}


def test_others_can_write_while_retention_deletes(
    store_url: str, store: Store, monkeypatch: pytest.MonkeyPatch
):
    store.add([predicted(*(f"old-{number}" for number in range(1200)))], {})
    other = Store(store_url)

    def write(_: float) -> None:
        other.add([predicted(time=NOON + 10)], {})

    monkeypatch.setattr(retention, "CHUNK", 300)
    monkeypatch.setattr(retention, "let_others_write", write)
    assert store.delete_older(NOON + 10) == 1200
    other.close()
    assert len(ids(store)) > 1200 / 300


def test_positions_are_kept_until_they_are_deleted(store: Store):
    assert store.positions() == {}
    store.add([], {"a": Position(10), "b": Position(20, torn=1)})
    store.add([predicted()], {"a": Position(30, torn=2)})
    assert store.positions() == {"a": Position(30, torn=2), "b": Position(20, torn=1)}
    store.delete_positions([])
    store.delete_positions(["a", "unknown"])
    assert store.positions() == {"b": Position(20, torn=1)}


def test_entries_and_positions_are_written_together_or_not_at_all(store: Store):
    entries = [predicted("a"), feedback("bom", "a")]
    with pytest.raises(StoreError, match=r"(?i)null"):
        store.add(entries, {"a": Position(10), "b": Position(None)})
    assert store.positions() == {}
    assert store.prediction("a") is None
    assert store.unmatched(NOON + 1, 10) == (0, [])
    store.add(entries, {"a": Position(10)})
    assert ids(store) == ["a"]
