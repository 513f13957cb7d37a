"""The whole loop with real processes; it takes three minutes: `make test-docs`."""

import pytest

from bench.story import run
from bench.story_page import page

pytestmark = pytest.mark.docs


def test_from_a_drift_to_a_better_version_with_no_request_lost():
    outcome = run()
    assert outcome.requests == outcome.answered == outcome.stored > 1_000
    assert sum(outcome.versions.values()) == outcome.answered
    assert set(outcome.versions) == {1, 2}
    assert [each.action for each in outcome.decisions] == ["retrain", "trial", "promote"]
    assert {each.who for each in outcome.decisions} == {"monitor"}
    assert outcome.alerts.count("raised") == outcome.alerts.count("cleared") > 0
    assert all(line in page(outcome) for line in outcome.lines)
