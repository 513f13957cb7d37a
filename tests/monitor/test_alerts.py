"""An alert is raised once, lasts in silence and is cleared once, whatever checks find."""

import json
import logging
from collections import Counter
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitored import NOTHING

from serving.monitor.alerts import alerts
from serving.monitor.alerts.alerts import Changes, Signal, change_alerts
from serving.monitor.findings import Statements
from serving.monitor.performance import concept
from serving.recording.store.reports import Alert, Kind
from serving.settings import Settings
from serving.statement import Statement

LIVE = {"wine": 2}
WITH_WEBHOOK = Settings(alert_webhook="https://example.org/hook")

MOVED = (Statement("moved", {"distance": 0.5}, "alcohol"),)
CALM = (Statement("as_in_training"),)
CALMED = "the data are distributed as in training"
SENTENCE = "alcohol: the values moved by 0.5 standard deviations on average"

signals = st.builds(
    Signal,
    st.sampled_from(["wine", "diabetes"]),
    st.integers(1, 2),
    st.sampled_from(get_args(Kind)),
    st.sampled_from(["drift", "no drift", "not enough yet"]),
    st.sampled_from([MOVED, CALM]),
)
checks = st.lists(
    st.tuples(
        st.lists(signals, unique_by=lambda signal: signal[:3]),
        st.dictionaries(st.sampled_from(["wine", "diabetes"]), st.integers(1, 2)),
    ),
    max_size=6,
)


def drift(statements: Statements = MOVED, **changes) -> Signal:
    return Signal("wine", 2, "data drift", "drift", statements)._replace(**changes)


def key(alert: Alert) -> tuple[str, int, str]:
    return alert.model, alert.version, alert.kind


def begun(*found: Signal) -> Changes:
    return change_alerts([], found or [drift()], LIVE, 1_000)


def test_drift_raises_an_alert():
    (alert,) = begun().raised
    assert json.loads(msgspec.json.encode(alert)) == {
        "model": "wine",
        "version": 2,
        "kind": "data drift",
        "raised": 1_000,
        "cleared": None,
        "statements": [{"code": "moved", "values": {"distance": 0.5}, "field": "alcohol"}],
        "ended": [],
    }


def test_drift_that_lasts_sends_nothing_but_the_latest_statements_are_kept():
    more = (*MOVED, Statement("more_drifted", {"count": 1}))
    later = change_alerts(begun().raised, [drift(more)], LIVE, 2_000)
    assert [alert.statements for alert in later.changed] == [more]
    assert (later.lasting[0].raised, later.messages(WITH_WEBHOOK, 2_000)) == (1_000, [])
    assert change_alerts(later.lasting, [drift(more)], LIVE, 3_000).changed == []


def test_a_report_can_signal_every_kind_of_alert():
    bound = concept.Bound(held_out=0.1, spread=0.01)
    watched = concept.concept_drift(concept.Watch(), bound, "Brier score")
    report = msgspec.structs.replace(NOTHING, concept=watched)
    assert {signal.kind for signal in alerts.signals_of(report)} == {*get_args(Kind)}


def test_an_alert_is_cleared_when_there_is_no_drift_any_more():
    calm = drift(CALM, verdict="no drift")
    (alert,) = change_alerts(begun().raised, [calm], LIVE, 2_000).cleared
    assert (alert.raised, alert.cleared) == (1_000, 2_000)
    assert (alert.ended, alert.statements) == (CALM, MOVED)


def test_an_alert_is_not_cleared_before_it_was_raised():
    """A clock may have been set back."""
    calm = drift(CALM, verdict="no drift")
    for found, live in (([calm], LIVE), ([], {"wine": 3})):
        (alert,) = change_alerts(begun().raised, found, live, 500).cleared
        assert (alert.raised, alert.cleared) == (1_000, 1_000)


@pytest.mark.parametrize("found", [[], [drift(verdict="not enough yet")]])
def test_a_check_without_enough_data_leaves_an_alert_as_it_is(found: list[Signal]):
    raised = begun().raised
    assert change_alerts(raised, found, LIVE, 2_000) == Changes([], raised, [], [])


@pytest.mark.parametrize("live", [{"wine": 3}, {}])
def test_a_version_that_is_no_longer_live_has_its_alerts_cleared(live: dict[str, int]):
    changes = change_alerts(begun().raised, [drift()], live, 2_000)
    assert (changes.raised, changes.lasting) == ([], [])
    assert changes.cleared[0].ended == (Statement("not_live", {"version": 2}),)


@given(checks)
def test_whatever_checks_find_an_alert_is_raised_once_and_cleared_once(checks):
    lasting: list[Alert] = []
    counts: Counter[tuple[str, int, str]] = Counter()
    for now, (found, live) in enumerate(checks):
        before = {key(alert) for alert in lasting}
        changes = change_alerts(lasting, found, live, now)
        raised, kept, cleared = (
            {key(alert) for alert in each}
            for each in (changes.raised, changes.lasting, changes.cleared)
        )
        assert before == kept | cleared
        assert not (raised | kept) & cleared
        assert not raised & kept
        assert all(live.get(model) == version for model, version, _ in raised | kept)
        drifting = {signal[:3] for signal in found if signal.verdict == "drift"}
        assert {each for each in drifting if live.get(each[0]) == each[1]} <= raised | kept
        counts.update(raised)
        counts.subtract(cleared)
        lasting = changes.raised + changes.lasting
        assert {each: count for each, count in counts.items() if count} == dict.fromkeys(
            map(key, lasting), 1
        )
        assert len(changes.messages(WITH_WEBHOOK, now)) == len(raised) + len(cleared)
        assert all(alert.cleared is None for alert in lasting)


def test_a_message_is_sent_at_the_beginning_and_at_the_end():
    raised = begun()
    cleared = change_alerts(raised.raised, [], {"wine": 3}, 90_500)
    (beginning,), (end,) = (
        raised.messages(WITH_WEBHOOK, 1_000),
        cleared.messages(WITH_WEBHOOK, 90_500),
    )
    assert json.loads(beginning.body) == {
        "type": "alert.raised",
        "timestamp": "1970-01-01T00:00:01.000+00:00",
        "data": {
            "state": "raised",
            "model": "wine",
            "version": 2,
            "kind": "data drift",
            "sentence": SENTENCE,
            "raised": "1970-01-01T00:00:01.000+00:00",
            "cleared": None,
        },
    }
    assert json.loads(end.body)["type"] == "alert.cleared"
    assert json.loads(end.body)["data"]["cleared"] == "1970-01-01T00:01:30.500+00:00"
    assert (end.due, end.attempts) == (90_500, 0)
    assert beginning.id != end.id


def test_without_a_webhook_there_is_no_message():
    assert begun().messages(Settings(), 1_000) == []


def test_each_beginning_is_logged_as_a_warning_and_each_end(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, alerts.__name__)
    raised = begun()
    raised.log()
    change_alerts(raised.raised, [drift((*MOVED, *CALM))], LIVE, 2_000).log()
    change_alerts(raised.raised, [drift(CALM, verdict="no drift")], LIVE, 3_000).log()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"wine 2: data drift is raised: {SENTENCE}"),
        ("INFO", f"wine 2: data drift is cleared: {CALMED}; before: {SENTENCE}"),
    ]
