"""What the monitor found is kept the same over SQLite and PostgreSQL, both real."""

from typing import Any

import pytest
from msgspec import Raw

from app import create_app
from serving import clock
from serving.recording.store import Store
from serving.recording.store.deliveries import Delivery
from serving.recording.store.reports import Alert, Report, Reports
from serving.settings import Settings
from serving.statement import Statement

MOVED = Statement("largest_change", {"label": "1.5; ou: não", "now": 0.25, "then": 1}, "a: b; c")
FIGURES = Raw(b'{"predictions":500}')


@pytest.fixture
def reports(store: Store) -> Reports:
    """Those of an empty store."""
    return store.reports


def report(time: int, *, version: int = 1) -> Report:
    return Report("wine", version, time, Raw(b'{"verdict":"drift"}'), time, Raw(b'{"rows":7}'))


def alert(cleared: int | None = None, **changes: Any) -> Alert:
    fields = {"kind": "data drift", "raised": 5, "statements": (MOVED,)} | changes
    return Alert(model="wine", version=1, cleared=cleared, **fields)


def test_the_latest_report_of_a_version_and_the_figures_of_all_are_kept(reports: Reports):
    assert reports.latest("wine", 1) is None
    assert reports.write(report(5), FIGURES, [], [], before=0)
    assert reports.write(report(6), FIGURES, [], [], before=5)
    assert reports.write(report(7, version=2), FIGURES, [], [], before=0)
    found = reports.latest("wine", 1)
    assert (found.time, found.place, bytes(found.watch)) == (6, 6, b'{"rows":7}')
    assert [(each.time, each.version) for each in reports.points("wine", 6)] == [(6, 1), (7, 2)]


def test_many_figures_are_thinned_out_but_the_latest_stays(reports: Reports):
    for time in range(1, 11):
        reports.write(report(time), FIGURES, [], [], before=time - 1)
    of_four = [each.time for each in reports.points("wine", 2, max_points=4)]
    assert of_four == [4, 7, 10]
    assert len(reports.points("wine", 2, max_points=9)) == 9
    assert reports.points("diabetes", 2, max_points=4) == []


def test_a_check_that_another_monitor_overtook_writes_nothing(store: Store):
    reports = store.reports
    reports.write(report(5), FIGURES, [], [], before=0)
    message = Delivery("a", "{}", 0)
    assert not reports.write(report(6), FIGURES, [alert()], [message], before=0)
    assert not reports.write(report(6), FIGURES, [alert()], [message], before=4)
    assert reports.latest("wine", 1).time == 5
    assert (reports.alerts(), store.deliveries.due(9, 9)) == ([], [])


def test_an_alert_keeps_the_report_that_raised_it_and_lasts_until_it_is_cleared(reports: Reports):
    reports.write(report(5), FIGURES, [alert()], [], before=0)
    later = alert(statements=(MOVED, Statement("more_drifted", {"count": 2})))
    reports.write(report(6), FIGURES, [later], [], before=5)
    assert reports.alerts("wine", lasting=True) == [later]
    assert bytes(reports.of_alert("wine", later.raised)) == b'{"verdict":"drift"}'
    assert reports.of_alert("wine", later.raised + 1) is None
    assert reports.of_alert("diabetes", later.raised) is None
    gone = alert(8, ended=(Statement("not_live", {"version": 1}),))
    reports.settle([gone], [])
    assert reports.alerts("wine", lasting=True) == []
    assert reports.alerts() == [gone]
    assert reports.alerts("diabetes") == []


def test_a_message_is_due_until_it_is_delivered(store: Store):
    deliveries = store.deliveries
    store.reports.write(
        report(5), FIGURES, [], [Delivery("a", "{}", 5), Delivery("b", "{}", 9)], before=0
    )
    (message,) = deliveries.due(8, 9)
    deliveries.postpone(message, 20)
    assert [each.id for each in deliveries.due(10, 9)] == ["b"]
    assert deliveries.due(20, 9)[1] == Delivery("a", "{}", 20, 1)
    deliveries.delete(message)
    assert [each.id for each in deliveries.due(99, 9)] == ["b"]


def test_retention_deletes_results_of_checks_but_no_lasting_alert(store: Store):
    lasting = alert(raised=6)
    store.reports.write(report(5), FIGURES, [alert(7), lasting], [], before=0)
    store.reports.write(report(9), FIGURES, [], [], before=5)
    store.delete_older(8)
    assert [each.time for each in store.reports.points("wine", 0, max_points=10)] == [9]
    assert store.reports.alerts() == [lasting]


def test_the_api_thins_out_the_figures_of_many_checks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.api.monitor.MAX_POINTS", 2)
    settings.var_dir.mkdir()
    store, now = Store(settings.store_url), clock.now()
    store.migrate()
    for time in range(now - 4, now):
        store.reports.write(report(time), FIGURES, [], [], before=time - 1 if time > now - 4 else 0)
    store.close()
    result = create_app(settings).test_client().get("/models/wine/monitor").json
    assert [each["time"] for each in result["points"]] == [now - 3, now - 1]
