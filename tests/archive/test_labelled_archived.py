"""Predictions with feedback are the same wherever they are."""

from pathlib import Path
from typing import Any

import msgspec
from archives import CLASSES, archive_by_hand, id_at, made, recorded
from entries import NOON, feedback

from serving.archive.labelled import labelled
from serving.recording.store import Store
from serving.recording.store.rows import Labelled

FIELDS = ("alcohol", "type")


def values(found: Any) -> list[Any]:
    """What predictions contain, JSON as its values."""
    return [
        tuple(msgspec.json.decode(each) if isinstance(each, msgspec.Raw) else each for each in row)
        for row in map(fields_of, found)
    ]


def fields_of(each: Labelled) -> tuple[Any, ...]:
    return (
        *(each.time, each.version, each.record),
        *(each.prediction, each.probabilities, each.actual),
    )


def test_they_are_those_of_the_store_newest_first(store: Store, tmp_path: Path):
    """Some in a file, some in the store, some in both, and some of which feedback came later."""
    store.add(recorded(40), {})
    names = [id_at(NOON + place * 1000, place) for place in range(40)]
    expected = values(store.labelled("wine"))
    assert len(expected) == 14
    archive_by_hand(store, tmp_path, names[:15])
    archive_by_hand(store, tmp_path, names[15:20], delete_them=False)
    found = labelled(store, str(tmp_path), "wine", fields=FIELDS, labels=CLASSES)
    assert values(found) == expected
    store.add([feedback("Não aprovado", names[0], names[1], at=NOON + 10**6)], {})
    found = labelled(store, str(tmp_path), "wine", fields=FIELDS, labels=CLASSES)
    assert len(latest := values(found)) == 15
    assert [row[-1] for row in latest[-2:]] == ["Não aprovado"] * 2


def test_a_label_that_is_not_wanted_is_still_there(store: Store, tmp_path: Path):
    """By which it shows that the prediction was made by a model with other labels."""
    store.add([made(NOON), feedback("bom", id_at(NOON), at=NOON + 5)], {})
    archive_by_hand(store, tmp_path, [id_at(NOON)])
    (found,) = labelled(store, str(tmp_path), "wine", fields=FIELDS, labels=())
    assert found.probabilities is None
    (found,) = labelled(store, str(tmp_path), "wine", fields=FIELDS, labels=CLASSES[:1])
    assert found.probabilities is not None
    assert msgspec.json.decode(found.probabilities).keys() == {*CLASSES}
