"""The commands and queries of docs/store.md about the archive, as they are."""

import re
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from archives import recorded
from conftest import ROOT

from serving import clock
from serving.archive.layout import OWN, TYPES
from serving.recording.store import Store

PAGE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8").partition("## The archive")[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
QUERIES = [text for language, text in BLOCKS if language == "sql"]
DAYS = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An archive that the commands of the page have made, and what they printed."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "var").mkdir()
    with closing(Store(f"sqlite:///{folder}/var/serving.db")) as store:
        store.migrate()
        for day in range(DAYS):
            start = clock.day_of(clock.now()) - (40 - day) * clock.DAY
            store.add(recorded(24, start=start, version=1 + day // 2), {})
    (commands,) = [text for language, text in BLOCKS if language == "sh"]
    done = subprocess.run(
        ["bash", "-e", "-c", commands.replace("/srv/archive", str(folder / "archive"))],
        cwd=ROOT,
        env={
            "PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin",
            "VAR_DIR": str(folder / "var"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return folder / "archive", done.stdout


def test_the_commands_archive(archive: tuple[Path, str]):
    _, printed = archive
    assert f"wine: {DAYS * 24} predictions from before" in printed
    assert f"{DAYS} files written" in printed


def answer(folder: Path, query: str) -> list[Any]:
    return duckdb.sql(query.replace("/srv/archive", str(folder))).pl().rows()


def test_the_queries_are_answered(archive: tuple[Path, str]):
    folder, _ = archive
    assert len(QUERIES) == 5
    by_day, quantiles, calibration, trial, one = QUERIES
    found = answer(folder, by_day)
    assert [(version, rows, given) for _, version, rows, given, _ in found] == [
        (1, 24, 8),
        (1, 24, 8),
        (2, 24, 8),
    ]
    assert sum(rows for _, rows, _ in answer(folder, quantiles)) == DAYS * 24
    assert sum(rows for _, rows, _ in answer(folder, calibration)) == DAYS * 8
    assert [version for version, *_ in answer(folder, trial)] == [2, 3]
    assert answer(folder, one) == []
    (name,) = answer(folder, "SELECT min(id) FROM read_parquet('/srv/archive/*/*/*.parquet')")[0]
    quoted = re.search(r"id = '(.*)'", one)
    assert len(answer(folder, one.replace(quoted[1], name))) == 1


def test_other_programs_read_it_as_the_page_shows(archive: tuple[Path, str]):
    folder, _ = archive
    (call,) = re.findall(r"`(scan_parquet\(.*?\))`", PAGE, re.DOTALL)
    call = " ".join(call.split()).replace("/srv/archive", str(folder))
    frame = eval(f"pl.{call}", {"pl": pl}).collect()
    assert frame.height == DAYS * 24
    assert set(frame["model"]) == {"wine"}


def test_the_page_names_every_column():
    for name in [*OWN.names, *TYPES]:
        assert f"`{name}" in PAGE
