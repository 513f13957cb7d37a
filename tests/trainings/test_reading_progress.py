"""The columns of a file that is sent are read, within bounds, and it is shown how far that is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace
from training_client import TABLE

from serving.errors import ServingError
from serving.trainings import requests, steps
from serving.trainings.actions import after
from serving.trainings.files import FILE
from serving.trainings.training import Result
from serving.trainings.trainings import Trainings
from train.errors import TrainingError
from train.requested.columns import read
from train.requested.progress import leave_reading
from train.requested.words import ForPeople
from train.tables.progress import reported


def test_a_file_that_is_read_shows_how_far_it_is(tmp_path: Path):
    kept = Trainings(tmp_path)
    sent = kept.create(requests.of_file("a.csv", ""), lambda file: file.write(TABLE.encode()))
    folder = kept.path(sent.id)
    assert kept.get(sent.id).training.progress is None
    with reported(leave_reading(folder)):
        found = read(folder, sent, ForPeople(folder / FILE, sent.file))
    progress = kept.get(sent.id).training.progress
    assert progress
    assert (progress.step, progress.total) == ("reading the values of the columns", 5)
    assert progress.remaining is None

    looked_at = kept.change(sent.id, partial(steps.ended, found))
    kept.change(sent.id, lambda each: after(requests.ReadFile(), {}, each))
    refused = kept.change(sent.id, partial(steps.ended, Result(error="no such unit"))).training
    assert (refused.state, refused.error) == ("ready", "no such unit")
    assert refused.columns == looked_at.training.columns


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("a" + ",b" * 5_000, "a.csv has 5,001 columns, and at most 5,000 are taken here: use `"),
        ("a," + "b" * 501, "a.csv: the name of column 2 has 501 characters, and at most 500 are"),
    ],
)
def test_more_or_longer_names_of_columns_than_are_kept_are_refused(
    tmp_path: Path, header: str, problem: str
):
    (tmp_path / FILE).write_text(f"{header}\n{header}\n")
    with pytest.raises(TrainingError) as refused:
        read(tmp_path, requests.of_file("a.csv", ""), ForPeople(tmp_path / FILE, "a.csv"))
    assert str(refused.value).startswith(problem)


@given(st.one_of(st.binary(max_size=300), st.text("ab,;\n\"'0123456789.-é\t", max_size=200)))
@hypothesis_settings(max_examples=60)
def test_any_bytes_are_read_as_columns_or_refused_in_a_sentence(content: bytes | str):
    content = content.encode() if isinstance(content, str) else content
    with TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(content)
        try:
            people = ForPeople(Path(folder) / FILE, "a.csv")
            found = read(Path(folder), requests.of_file("a.csv", ""), people)
        except (TrainingError, ServingError) as refused:
            assert str(refused)
        else:
            assert found.columns


TARGETS: dict[str, tuple[Callable[[int], str], str | None, str, str | None]] = {
    "one label": (lambda _: "x", None, "all rows are 'x'", None),
    "nothing": (lambda _: "", None, "0 rows have a 't', but 10 must", None),
    "one number": (lambda _: "5", None, "is 5 in every row", None),
    "free text": (lambda at: f"what {at} says", None, "60 of its 60 values are in", None),
    "dates": (lambda at: f"{1 + at % 28:02}/03/2024", None, "holds dates, which cannot", None),
    "labels as numbers": (lambda at: "xy"[at % 2], "regression", "such as 'x', no number", None),
    "reais": (lambda at: f"R$ {at + 1}.{at * 37 % 1000:03},50", None, "", "regression"),
    "decimal commas": (lambda at: f"{at},{at % 7}", None, "", "regression"),
    "sim and não": (lambda at: ("sim", "não")[at % 2], None, "", "classification"),
    "two words": (lambda at: ("Aprovado", "Não aprovado")[at % 2], None, "", "classification"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_is_what_its_values_show_or_a_sentence_says_why_not(tmp_path: Path, kind: str):
    value, task, problem, becomes = TARGETS[kind]
    rows = "".join(f"{at * 37 % 61};{value(at)}\n" for at in range(60))
    (tmp_path / FILE).write_text(f"área útil (m²);t\n{rows}", encoding="utf-8")
    sent = replace(requests.of_file("a.csv", ""), target="t", task=task)
    found = read(tmp_path, sent, ForPeople(tmp_path / FILE, "a.csv"))
    assert [column.name for column in found.columns] == ["área útil (m²)", "t"]
    assert problem in found.error
    assert bool(problem) == bool(found.error)
    assert becomes in (None, found.task)
