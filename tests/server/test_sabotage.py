"""Whatever becomes of the files while it runs: no 500, and no path is told.

`make faults` and CI (FAULTS=full) spoil each file in every way, `make test-faults` in some.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import predict, wine
from sabotaged import (
    ARABIC_ONE,
    GARBLED,
    PAGES,
    Service,
    a_file,
    a_folder,
    assert_sound,
    emptied,
    gone,
    holding,
    unreadable,
)


@pytest.fixture
def service(models: Path, tmp_path: Path) -> Service:
    return Service(models, tmp_path / "var")


NUMBERS = (b"7\n", b"9" * 30, b"1_0", b"-1", b"1 2", ARABIC_ONE.encode())


WAYS = (gone, a_file, a_folder, unreadable)
EVERY = 1 if os.environ.get("FAULTS") == "full" else 3  # fewer than there are ways for a file


FILES = (
    *((path, way) for path in ("", "wine", "diabetes", "wine/1", "diabetes/1") for way in WAYS),
    ("", emptied),
    *(
        ("diabetes/current", way)
        for way in (gone, a_folder, unreadable, *map(holding, (*GARBLED, *NUMBERS)))
    ),
    *(("wine/current", way) for way in (gone, a_folder, holding(b"\xff"), holding(b"9" * 30))),
    *(
        (f"wine/{file}", way)
        for file in ("trial", "retired", "decisions.jsonl")
        for way in (a_folder, *map(holding, (*GARBLED[:2], *NUMBERS[:2])))
    ),
    *(
        (f"diabetes/1/{file}", way)
        for file in ("model.json", "reference.json", "card.json", "model.pkl", "outputs.npy")
        for way in (gone, unreadable, *map(holding, GARBLED[1:3]))
    ),
)


OWN = (
    *(
        (file, way)
        for file in ("journal/collector.json", "serving.db")
        for way in (a_folder, unreadable, *map(holding, GARBLED))
    ),
    *(
        (folder, way)
        for folder in ("journal", "metrics", "decisions", "")
        for way in (*WAYS, emptied)
    ),
    ("serving.db", gone),
)


def named(value: Any) -> str | None:
    return getattr(value, "__name__", None) if callable(value) else None


@pytest.mark.faults
@pytest.mark.parametrize(("file", "way"), FILES[::EVERY], ids=named)
def test_nothing_that_becomes_of_the_models_is_a_500(
    service: Service, file: str, way: Callable[[Path], None]
):
    way(service.models / file)
    shown = way in {gone, unreadable} or file.endswith(("card.json", "reference.json"))
    assert_sound(service, PAGES if shown else ())


@pytest.mark.faults
@pytest.mark.parametrize(("file", "way"), OWN[::EVERY], ids=named)
def test_nothing_that_becomes_of_the_record_is_a_500(
    service: Service, file: str, way: Callable[[Path], None]
):
    if file != "" or way not in {gone, emptied}:
        (service.var / file).parent.mkdir(parents=True, exist_ok=True)
    if (service.var / file).exists() or way not in {gone, emptied}:
        way(service.var / file)
    assert_sound(service)
    assert predict(service.client, wine())["prediction"] == "bom"
