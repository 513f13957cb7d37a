"""The closed loop: an alert leads to a retraining, the gate, a trial, and a new live version.

Each call of `step` takes one step, so a monitor that is killed continues with the next. Decisions
are recorded with all others; what else it must remember is in the store.
"""

import logging
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from serving import COMMAND, clock
from serving.errors import ServingError, VersionRefused
from serving.figures import counted
from serving.models.paired import ENOUGH, Paired, loss
from serving.monitor.checks import Checked
from serving.monitor.retraining.attempt import Attempt, Attempts
from serving.monitor.retraining.training import Training, TrainingResult, require_training
from serving.recording.store import Store
from serving.recording.store.reports import Alert
from serving.recording.store.rows import LabelledTrial
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions

log = logging.getLogger(__name__)

WHO = "monitor"
MIN_PAUSE = 3_600_000  # milliseconds between the starts of two trainings of a model
GROWTH = 2  # times the feedback of the last training, if that led to nothing
JUDGED_AT = (300, 600, 1_200)  # rows with feedback at which a trial is judged; the last decides
MAX_TRIAL = 7 * clock.DAY
NO_PROBLEM = (
    "no problem of train/ has its name; retrain it with "
    f"`{COMMAND} train FILE --target … --name {{}} --with-feedback`"
)


class Loop:
    """Retrains models whose live version has an alert, puts the result on trial, and then live.

    Raises
    ------
    SettingsError
        If this installation cannot train.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        require_training(settings)
        self.settings, self.store = settings, store
        self.decisions = Decisions.from_settings(settings)
        self.versions = Versions(self.decisions, WHO)
        self.attempts = Attempts(store)
        self._training: Training | None = None

    def step(self, checked: Sequence[Checked]) -> None:
        """Take the next step for each model that was checked; none waits for a training."""
        for model, version, *_ in checked:
            if version is not None:
                try:
                    self._step(model, version)
                except (ServingError, OSError) as error:
                    log.error("%s: the retraining cannot continue: %s", model, error)  # noqa: TRY400

    def finish(self, checked: Sequence[Checked]) -> None:
        """Wait for the running training, and take the step that follows; so for each model."""
        done = None
        while (training := self._training) and training is not done:  # else the step failed
            training.wait()
            self.step(checked)
            done = training

    def close(self) -> None:
        """Stop the running training; it starts again after `MIN_PAUSE`."""
        if self._training:
            self._training.stop()
            self._training = None

    def _step(self, model: str, live: int) -> None:
        attempt, trial = self.attempts.latest(model), self.decisions.trial(model)
        if self._training and self._training.model == model:
            if attempt and (result := self._training.result()):
                self._start_trial(model, result, attempt)
                self._training = None  # not before its version is on trial: that may fail
        elif trial is not None and trial != live:
            if attempt and attempt.candidate == trial:  # else somebody else's trial
                self._judge_trial(model, live, trial, attempt)
        elif not self._training:
            self._start_training(model, live, attempt)

    def _start_training(self, model: str, live: int, attempt: Attempt | None) -> None:
        """Start a training, if an alert lasts and enough feedback came since it was raised."""
        alerts = self.store.reports.alerts(model, lasting=True)
        alerts = [alert for alert in alerts if alert.version == live]
        now = clock.now()
        if not alerts or (attempt and now < attempt.time + MIN_PAUSE):
            return
        since, needed = min(alert.raised for alert in alerts), ENOUGH
        if attempt and attempt.live == live:
            needed = max(ENOUGH, GROWTH * attempt.feedback)
            if not attempt.is_problem:
                return
        feedback = sum(1 for _ in self.store.labelled(model, version=live, since=since))
        if feedback < needed:
            return
        log.info("%s %d: %s; retraining with feedback", model, live, _kinds(alerts))
        self.attempts.store(model, Attempt(live=live, time=now, feedback=feedback))
        self._training = Training(self.settings, model)

    def _start_trial(self, model: str, result: TrainingResult, attempt: Attempt) -> None:
        """Put the new version on trial, if there is one and the gate does not object."""
        candidate = result.version
        if candidate is None:
            reason = result.reason if result.is_problem else NO_PROBLEM.format(model)
            self.attempts.store(
                model, msgspec.structs.replace(attempt, is_problem=result.is_problem)
            )
            self.versions.made("retrain", model, None, f"it failed: {reason}")
            log.error("%s: retraining failed: %s", model, reason)
            return
        objections = self.versions.objections(model, candidate)
        verdict = "it passed the gate"
        if objections:
            verdict = f"the gate objects: {'; '.join(objections)}"
        reason = f"{counted(attempt.feedback, 'row')} with feedback; {verdict}"
        self.versions.made("retrain", model, candidate, reason)
        if objections:
            log.warning("%s %d is not put on trial: %s", model, candidate, verdict)
            return
        on_trial = msgspec.structs.replace(attempt, candidate=candidate, trial_since=clock.now())
        self.attempts.store(model, on_trial)
        self.versions.set_trial(model, candidate, verdict)
        log.info("%s %d is on trial; %d is live", model, candidate, attempt.live)

    def _judge_trial(self, model: str, live: int, candidate: int, attempt: Attempt) -> None:
        """Promote the version on trial, or end the trial, once there is enough feedback."""
        if live != attempt.live:
            self._end_trial(model, candidate, f"{live} was put live meanwhile")
            return
        both = list(self.store.labelled_trials(model, candidate, live))
        judged = bisect_right(JUDGED_AT, len(both))
        if judged > attempt.judged:
            paired = _paired(both)
            reason = f"its mean loss is {paired}, live and with feedback"
            if paired.is_no_worse:
                self._promote(model, candidate, reason)
            elif paired.low > 0 or judged == len(JUDGED_AT):
                self._end_trial(model, candidate, f"not shown to be no worse: {reason}")
            self.attempts.store(model, msgspec.structs.replace(attempt, judged=judged))
        elif clock.now() > attempt.trial_since + MAX_TRIAL:
            rows = counted(len(both), "row")
            self._end_trial(model, candidate, f"only {rows} with feedback came in a week")

    def _promote(self, model: str, candidate: int, why: str) -> None:
        try:
            self.versions.promote(model, candidate, why)
        except VersionRefused as refused:
            self._end_trial(model, candidate, "; ".join((str(refused), *refused.objections)))
        else:
            log.info("%s %d is live: %s", model, candidate, why)

    def _end_trial(self, model: str, candidate: int, why: str) -> None:
        self.versions.set_trial(model, None, why)
        log.warning("the trial of %s %d has ended, and the alert lasts: %s", model, candidate, why)


def _kinds(alerts: Sequence[Alert]) -> str:
    return " and ".join(sorted({alert.kind for alert in alerts}))


def _paired(both: Sequence[LabelledTrial]) -> Paired:
    """Compare both versions, by their labels alone if one has no probabilities."""
    likely = all(each.live_probabilities and each.trial_probabilities for each in both)
    live = [loss(one.live, one.live_probabilities if likely else None, one.actual) for one in both]
    candidate = [
        loss(one.trial, one.trial_probabilities if likely else None, one.actual) for one in both
    ]
    return Paired.of(live, candidate)
