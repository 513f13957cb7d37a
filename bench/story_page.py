"""The page of the docs about a run of the story."""

from bench.story import WINDOW, Outcome
from bench.vintage import SHIFT, SWEET, TRAINED


def page(outcome: Outcome) -> str:
    """The story as a page of the docs."""
    log, decided = "\n".join(outcome.lines), [each.action for each in outcome.decisions]
    answers = " and ".join(
        f"{answers:,} by version {version}" for version, answers in sorted(outcome.versions.items())
    )
    return f"""\
# A run of the whole loop

`python -m bench story` wrote this page. gunicorn serves a wine model, a monitor runs beside it with
`AUTO_RETRAIN=on`, clients send requests without pause, and no person decides anything.

The model is trained on {TRAINED:,} of the real wines; clients send others. Then drift begins: total
sulfur dioxide is measured {SHIFT:g} standard deviations higher, and of the sweet wines (more than
{SWEET} g/L of sugar) the good ones are now bad, and the bad ones good. Once there is an alert,
feedback follows each prediction after a second. During the trial clients send other wines again.

```text
{log}
```

- **No request was lost**: {outcome.requests:,} sent, {outcome.answered:,} returned 200 ({answers}),
  {outcome.stored:,} of these predictions in the store; {outcome.feedback:,} got feedback.
- **Decisions**, all by the monitor: {", ".join(decided)}.
- **Messages to the webhook**, each with a valid signature: {", ".join(outcome.alerts)}.

[retraining.md](retraining.md) explains each step, and how often it is wrong. Here the monitor
checks the latest {WINDOW} predictions every second; by default it checks 5,000 every five minutes.
"""
