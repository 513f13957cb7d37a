"""The loop closed: an alert, a retraining, the gate, a trial on live traffic, and the version live.

Every step is one call of `after`, so a monitor that is killed goes on with the next. What it
decides stands with all decisions; what else it must know, in VAR_DIR/retrain/MODEL.json.
"""

import logging
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec

from serving import COMMAND, clock
from serving.errors import ArtefactError, ServingError, VersionRefused
from serving.models import artefact
from serving.models.paired import ENOUGH, Paired, loss
from serving.monitor.passes import Passed
from serving.monitor.retraining.training import Trained, Training, require
from serving.recording.store import Store
from serving.recording.store.reports import Alert
from serving.recording.store.rows import Tried
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions

log = logging.getLogger(__name__)

WHO = "monitor"
REST = 3_600_000  # milliseconds between the beginnings of two trainings of a model
MORE = 2  # times the feedback of the last training that came to nothing
LOOKS = (300, 600, 1_200)  # rows with feedback at which a trial is looked at, the last decides
LONGEST_TRIAL = 7 * clock.DAY
UNTAUGHT = (
    "training does not know it by name; retrain it with "
    f"`{COMMAND} train FILE --target … --name {{}} --with-feedback`"
)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The latest retraining of a model.

    Attributes
    ----------
    live : int
        The version that was to be replaced.
    time : int
        When it began: milliseconds since 1970, UTC.
    known : int
        The feedback there was to learn from since the alert.
    candidate : int or None
        What is tried, or was.
    tried : int
        Since when.
    looks : int
        How often the trial was looked at.
    untaught : bool
        Whether training does not know the model by its name.
    """

    live: int
    time: int
    known: int
    candidate: int | None = None
    tried: int = 0
    looks: int = 0
    untaught: bool = False


class Loop:
    """Retrains models whose live version has an alert, tries what comes of it, and puts it live.

    Raises
    ------
    SettingsError
        If this installation cannot train.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        require(settings)
        self.settings, self.store = settings, store
        self.decisions = Decisions(settings.models_dir, settings.decisions_dir)
        self.versions = Versions(self.decisions, WHO)
        self._training: Training | None = None

    def after(self, passed: Sequence[Passed]) -> None:
        """Take the next step for each model that a pass looked at; none waits for a training."""
        for model, version, *_ in passed:
            if version is not None:
                try:
                    self._step(model, version)
                except (ServingError, OSError) as error:
                    log.error("%s: the loop cannot go on: %s", model, error)  # noqa: TRY400

    def finish(self, passed: Sequence[Passed]) -> None:
        """Wait for a training that runs, and take the step that follows; so for each model."""
        while self._training:
            self._training.wait()
            self.after(passed)

    def close(self) -> None:
        """End a training that runs; it begins again after `REST`."""
        if self._training:
            self._training.stop()
            self._training = None

    def _step(self, model: str, live: int) -> None:
        attempt, tried = self._attempt(model), self.decisions.trial(model)
        if self._training and self._training.model == model:
            if attempt and (ended := self._training.ended()):
                self._training = None
                self._take_in(model, ended, attempt)
        elif tried is not None and tried != live:
            if attempt and attempt.candidate == tried:  # else somebody else's trial
                self._judge(model, live, tried, attempt)
        elif not self._training:
            self._consider(model, live, attempt)

    def _consider(self, model: str, live: int, attempt: Attempt | None) -> None:
        """Begin a training, if an alert lasts and enough was learnt since."""
        alerts = self.store.reports.alerts(model, lasting=True)
        alerts = [alert for alert in alerts if alert.version == live]
        now = clock.now()
        if not alerts or (attempt and now < attempt.time + REST):
            return
        since, needed = min(alert.raised for alert in alerts), ENOUGH
        if attempt and attempt.live == live:
            needed = max(ENOUGH, MORE * attempt.known)
            if attempt.untaught:
                return
        known = sum(1 for _ in self.store.labelled(model, version=live, since=since))
        if known < needed:
            return
        log.info("%s %d: %s; retraining with feedback", model, live, _kinds(alerts))
        self._keep(model, Attempt(live=live, time=now, known=known))
        self._training = Training(self.settings, model)

    def _take_in(self, model: str, trained: Trained, attempt: Attempt) -> None:
        """Put what a training made before the gate, and on trial."""
        candidate = trained.version
        if candidate is None:
            reason = trained.reason if trained.known else UNTAUGHT.format(model)
            self._keep(model, msgspec.structs.replace(attempt, untaught=not trained.known))
            self.versions.retrained(model, None, f"it failed: {reason}")
            log.error("%s: retraining failed: %s", model, reason)
            return
        objections = self.versions.objections(model, candidate)
        verdict = f"the gate objects: {'; '.join(objections)}" if objections else "the gate lets it"
        self.versions.retrained(model, candidate, f"{attempt.known} rows with feedback; {verdict}")
        if objections:
            log.warning("%s %d is not tried: %s", model, candidate, verdict)
            return
        tried = msgspec.structs.replace(attempt, candidate=candidate, tried=clock.now())
        self._keep(model, tried)
        self.versions.set_trial(model, candidate, "it passed the gate")
        log.info("%s %d is tried in place of %d", model, candidate, attempt.live)

    def _judge(self, model: str, live: int, candidate: int, attempt: Attempt) -> None:
        """Promote what is tried, or end its trial, once enough is known."""
        if live != attempt.live:
            self._end(model, candidate, f"{live} was put live meanwhile")
            return
        both = list(self.store.tried(model, candidate, live))
        looks = bisect_right(LOOKS, len(both))
        if looks > attempt.looks:
            paired = _paired(both)
            said = f"its mean loss is {paired}, live and with feedback"
            if paired.is_no_worse:
                self._promote(model, candidate, said)
            elif paired.low > 0 or looks == len(LOOKS):
                self._end(model, candidate, f"not shown to be no worse: {said}")
            self._keep(model, msgspec.structs.replace(attempt, looks=looks))
        elif clock.now() > attempt.tried + LONGEST_TRIAL:
            self._end(model, candidate, f"only {len(both)} rows with feedback came in a week")

    def _promote(self, model: str, candidate: int, why: str) -> None:
        try:
            self.versions.promote(model, candidate, why)
        except VersionRefused as refused:
            self._end(model, candidate, "; ".join((str(refused), *refused.objections)))
        else:
            log.info("%s %d is live: %s", model, candidate, why)

    def _end(self, model: str, candidate: int, why: str) -> None:
        self.versions.set_trial(model, None, why)
        log.warning("%s %d is tried no more, and the alert stays: %s", model, candidate, why)

    def _attempt(self, model: str) -> Attempt | None:
        try:
            return msgspec.json.decode(self._file(model).read_bytes(), type=Attempt)
        except FileNotFoundError:
            return None
        except ValueError as error:  # no JSON, no UTF-8 or no attempt
            raise ArtefactError(f"{self._file(model)}: {error}") from error

    def _keep(self, model: str, attempt: Attempt) -> None:
        self._file(model).parent.mkdir(parents=True, exist_ok=True)
        artefact.replace(self._file(model), msgspec.json.encode(attempt).decode())

    def _file(self, model: str) -> Path:
        return self.settings.var_dir / "retrain" / f"{model}.json"


def _kinds(alerts: Sequence[Alert]) -> str:
    return " and ".join(sorted({alert.kind for alert in alerts}))


def _paired(both: Sequence[Tried]) -> Paired:
    """Compare both versions; where one has no probabilities, by their labels alone."""
    sure = all(each.live_probabilities and each.trial_probabilities for each in both)
    live = [loss(one.live, one.live_probabilities if sure else None, one.actual) for one in both]
    candidate = [
        loss(one.trial, one.trial_probabilities if sure else None, one.actual) for one in both
    ]
    return Paired.of(live, candidate)
