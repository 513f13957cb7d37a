"""Every statement is worded in both languages; labels and names in it are never altered."""

import json
import re
from collections.abc import Iterator
from string import Formatter
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as some

from serving.figures import ENGLISH, PORTUGUESE
from serving.models.manifest import Figure
from serving.monitor.drift.detection import TESTS, detect_drift
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.findings import MetricVerdict, Statements, Verdict
from serving.monitor.performance import concept
from serving.monitor.performance.bootstrap import Gathered
from serving.monitor.performance.predictions import Regressed
from serving.monitor.performance.realised import measure_realised
from serving.monitor.report import Unmeasured
from serving.monitor.wording import WORDING, sentence, with_sentences
from serving.recording.store.reports import Alert, Kind
from serving.statement import Statement

GRID = np.linspace(0, 1, 101)
LOSSES = ("Brier score", "log loss", "share of wrong labels", "absolute error")
NAMES = [
    "1.5",
    "a; b: c",
    "1,000",
    "{now}",
    "2.0 % in training",
    "drift",
    "chance does not explain it",
]


def numbers(values: Any) -> Numbers:
    return Numbers.of(GRID, values, rows=5_000)


SAMPLES = {
    "as trained": numbers(np.linspace(0, 1, 500)),
    "shifted: up": numbers(np.linspace(0.3, 1.3, 500)),
    "shifted down": numbers(np.linspace(-0.3, 0.7, 500)),
    "few": numbers(GRID),
    "missing": numbers([*np.linspace(0, 1, 300), *[np.nan] * 200]),
    "color": Labels({"white": 4_000, "red": 1_000}, {"white": 250, "red": 250}),
    "unseen": Labels({"white": 4_000, "red": 1_000}, {"white": 400, "red": 90, "rosé": 30}),
    "sure": Labels({"white": 50_000, "red": 50_000}, {"white": 52_000, "red": 48_000}),
    "unsure": Labels({"white": 50, "red": 50}, {"white": 125, "red": 75}),
    "never there": Labels({}, {"white": 500}),
}


def of_drift() -> Iterator[Statements]:
    checks = [detect_drift({name: sample}, {}) for name, sample in SAMPLES.items()]
    for found in (*checks, detect_drift(SAMPLES, {})):
        yield found.statements
        yield from (test.statements for field in found.fields for test in field.findings)


def of_performance() -> Iterator[Statements]:
    bound = concept.Bound(held_out=0.1, spread=0.01)
    for loss, rows in ((0.1, 10), (0.1, 100), (0.4, 200)):
        watch = concept.update(concept.Watch(), [loss] * rows, bound)
        yield from (concept.concept_drift(watch, bound, name).statements for name in LOSSES)
    held_out = {"mae": Figure(0.1, 0.01, 1.0), "rmse": Figure(9.0, 0.01, 10.0)}
    for rows, values in ((10, 1.0), (200, 1.0), (200, 0.0)):
        actual = values * np.arange(rows)
        gathered = Gathered()
        gathered.add(Regressed(actual + 2, actual), np.ones(rows))
        yield from (each.statements for each in measure_realised(gathered, held_out))


def test_every_statement_is_worded_in_both_languages():
    for statements in {
        msgspec.json.encode(statements): statements
        for statements in (*of_drift(), *of_performance())
    }.values():
        english, portuguese = sentence(statements), sentence(statements, language=PORTUGUESE)
        assert not re.search(r"\b(the|of|in|is|are|were)\b", portuguese), portuguese
        assert re.findall(r"\d+", english) == re.findall(r"\d+", portuguese), portuguese
        assert not {each.code for each in statements} - WORDING.keys()


def test_every_code_has_words_in_both_languages_about_the_same_values():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "serving").rglob("*.py")]
    named = {code for text in sources for code in re.findall(r'Statement\(\s*"(\w+)"', text)}
    assert named
    assert named <= WORDING.keys()
    for code, words in WORDING.items():
        assert words.keys() == {ENGLISH, PORTUGUESE}, code
        of_each = [
            sorted(
                (name, spec)
                for _, name, spec, _ in Formatter().parse(text)
                if name and "|" not in (spec or "")  # words for a number
            )
            for text in words.values()
        ]
        assert of_each[0] == of_each[1], code


@pytest.mark.parametrize(
    "name",
    sorted(
        {test.statistic for test in TESTS}
        | {*get_args(Verdict), *get_args(MetricVerdict), *get_args(Kind), *LOSSES}
    ),
)
def test_every_test_verdict_loss_and_kind_of_alert_has_a_title_in_both_languages(name: str):
    assert WORDING[name].keys() == {ENGLISH, PORTUGUESE}


def worded(label: str, field: str, language: str = ENGLISH) -> str:
    values = {"label": label, "now": 0.025, "then": 0.8}
    return sentence([Statement("largest_change", values, field)], language=language)


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_fields_are_never_altered(name: str):
    assert worded(name, name) == f"{name}: {name} makes up 2.5 % of the labels; 80 % in training"
    assert (
        worded(name, name, PORTUGUESE)
        == f"{name}: {name} representa 2,5 % dos rótulos; no treino era 80 %"
    )


@given(some.text(), some.text())
def test_whatever_a_label_or_a_field_is_called_it_stays(label: str, field: str):
    prefix = f"{field}: " if field else ""
    assert worded(label, field, PORTUGUESE) == (
        f"{prefix}{label} representa 2,5 % dos rótulos; no treino era 80 %"
    )


def test_numbers_are_written_as_each_language_does():
    below = Statement("more_below", {"now": 0.49, "edge": 3.24, "then": 0.024}, "pH")
    assert sentence([below]) == (
        "pH: 49 % of the values are below 3.24; in training at most 2.4 % were"
    )
    assert sentence([below], language=PORTUGUESE) == (
        "pH: 49 % dos valores estão abaixo de 3,24; no treino eram no máximo 2,4 %"
    )


def test_metrics_are_called_as_on_the_card():
    few = Statement("too_few", {"metric": "within_0.5", "rows": 7, "needed": 100})
    assert sentence([few]) == "share within 0.5: feedback so far: 7 rows; 100 are needed"
    assert sentence([few], language=PORTUGUESE).startswith(
        "proporção com erro de até 0,5: feedback até agora: 7 linhas"
    )


def test_a_cleared_alert_gives_the_reason_and_what_was_wrong_before():
    moved = Statement("moved", {"distance": 0.5}, "a: b")
    ended = [Statement("not_live", {"version": 2})]
    assert sentence([moved], ended) == (
        "version 2 is no longer live; before: "
        "a: b: the values moved by 0.5 standard deviations on average"
    )
    assert sentence([moved], ended, language=PORTUGUESE).startswith(
        "a versão 2 não está mais no ar; antes: a: b: os valores se deslocaram"
    )


def test_a_code_of_another_release_is_shown_as_it_is():
    assert sentence([Statement("from_the_future", {"edge": 1}, "pH")]) == "pH: from_the_future"


def test_json_has_a_sentence_wherever_there_are_statements_and_nowhere_else():
    alert = Alert(
        model="wine",
        version=1,
        kind="data drift",
        raised=5,
        statements=(Statement("moved", {"distance": 2}, "statements"),),
    )
    found = json.loads(msgspec.json.encode(with_sentences([alert, {"statements": 3}, None])))
    assert (
        found[0]["sentence"] == "statements: the values moved by 2 standard deviations on average"
    )
    assert found[0]["statements"] == [
        {"code": "moved", "values": {"distance": 2}, "field": "statements"}
    ]
    assert found[1:] == [{"statements": 3}, None]
    (lacking,) = with_sentences((Unmeasured((Statement("no_reference", field="pH"),)),))
    assert lacking["sentence"] == "pH: reference.json has no distribution of it"
