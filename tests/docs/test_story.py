"""The whole loop with real processes; it takes three minutes: `make faults`, and CI."""

import os

import pytest

from bench.story import page, tell

pytestmark = pytest.mark.slow


@pytest.mark.skipif(os.environ.get("FAULTS") != "full", reason="make faults and .ci/run run it")
def test_from_a_drift_to_a_better_version_with_no_request_lost():
    told = tell()
    assert told.requests == told.answered == told.stored > 1_000
    assert sum(told.versions.values()) == told.answered
    assert set(told.versions) == {1, 2}
    assert [each.action for each in told.decisions] == ["retrain", "trial", "promote"]
    assert {each.who for each in told.decisions} == {"monitor"}
    assert told.alerts.count("raised") == told.alerts.count("cleared") > 0
    assert all(line in page(told) for line in told.lines)
