"""What the monitor says reaches Portuguese readers in Portuguese; figures as they write them."""

import doctest
import html
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from markupsafe import escape

from serving.api.pages import shown
from serving.api.pages.sentences import telling
from serving.api.pages.words import ENGLISH, PORTUGUESE, Words
from serving.models import metrics
from serving.monitor import findings
from serving.monitor.drift import drift
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.findings import Measured, judged
from serving.monitor.performance import concept

GRID = np.linspace(0, 1, 101)
LOSSES = ("Brier score", "log loss", "share of wrong labels", "absolute error")
told = telling(Words(PORTUGUESE, {}))


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
    "never there": Labels({}, {"white": 500}),
}


def of_drift() -> Iterator[str]:
    passes = [drift.measure({name: sample}, {}) for name, sample in SAMPLES.items()]
    for found in (*passes, drift.measure(SAMPLES, {})):
        yield found.sentence
        yield from (test.sentence for field in found.fields for test in field.findings)
    test = findings.Test("missing", "share", 0.05, measure=lambda _: None)
    for effect in (0.01, 0.1):
        for p_value in (0.5, 1e-9):
            measured = Measured(
                effect, p_value, "12 % of the values are missing; 2.0 % were in training"
            )
            yield judged("alcohol", test, measured, 0.01).sentence


def of_concept() -> Iterator[str]:
    bound = concept.Bound(held_out=0.1, spread=0.01)
    for loss, rows in ((0.1, 10), (0.1, 100), (0.4, 200)):
        watch = concept.update(concept.Watch(), [loss] * rows, bound)
        yield from (concept.drift(watch, bound, name).sentence for name in LOSSES)


def test_every_sentence_of_the_monitor_is_said_in_portuguese():
    for sentence in {*of_drift(), *of_concept()}:
        said = told(sentence)
        assert "lang=" not in said, sentence
        assert not re.search(r"\b(the|of|in|is|are|were)\b", said), said
        assert re.findall(r"\d+", said) == re.findall(r"\d+", sentence), said


def test_figures_are_written_as_portuguese_readers_do():
    sentence = "pH: 49 % of the values are below 3.24; in training at most 2.4 % were"
    assert (
        told(sentence)
        == "pH: 49 % dos valores estão abaixo de 3,24; no treino eram no máximo 2,4 %"
    )


@given(some.text())
def test_what_is_not_known_stays_english_and_is_never_markup(sentence: str):
    assert telling(Words(ENGLISH, {}))(sentence) == sentence
    sent = str(escape(told(sentence)))
    inside = sent.removeprefix('<span lang="en">').removesuffix("</span>")
    assert "<" not in inside
    assert html.unescape(inside) == sentence or "lang=" not in sent


def test_examples_are_true():
    assert doctest.testmod(shown).failed == doctest.testmod(metrics).failed == 0
