"""The whole loop once, with real processes: from a drift to a better version that answers."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import processes
from bench.customers import OK, Customers
from bench.errors import BenchError
from bench.server import free_ports
from bench.vintage import TRAINED, Vintage
from bench.webhook import KEY, Webhook
from bench.workload import ROOT
from serving.monitor.report import read
from serving.monitor.wording import sentence
from serving.recording.store import Store
from serving.versions.decision import Decision
from serving.versions.decisions import Decisions

WINDOW = 500
CALM = 600  # answers before the drift begins
PATIENCE = 600.0  # seconds for any one step
SETTLED = 3.0  # seconds within which the monitor checks again
SETTINGS = {
    "MONITOR_INTERVAL": "1",
    "MONITOR_ROWS": str(WINDOW),
    "AUTO_RETRAIN": "on",
    "ALERT_WEBHOOK_KEY": KEY,
    "ALERT_WEBHOOK_PRIVATE": "on",
}

Echo = Callable[[str], None]


class Outcome(NamedTuple):
    """The outcome of the whole story.

    Attributes
    ----------
    lines : list of str
        The log.
    requests, answered, stored : int
        Sent; answered with 200; and of these answers in the store.
    feedback : int
        How many predictions got feedback.
    versions : dict of int to int
        Answers by version.
    decisions : list of Decision
        The oldest first.
    alerts : list of str
        The states in the messages to the webhook, the oldest first.
    """

    lines: list[str]
    requests: int
    answered: int
    stored: int
    feedback: int
    versions: dict[int, int]
    decisions: list[Decision]
    alerts: list[str]


class Story:
    """Processes in a folder of their own, and a log of what happens.

    Raises
    ------
    BenchError
        If a step does not come, or a process ends.
    """

    def __init__(self, folder: Path, echo: Echo) -> None:
        self.folder, self.lines = folder, list[str]()
        self._echo, self._began = echo, time.monotonic()
        self._running: list[subprocess.Popen[bytes]] = []
        for name in ("data", "models", "var"):
            (folder / name).mkdir()
        (self.port,) = map(int, free_ports(1))
        where = {
            "DATA_DIR": str(folder / "data"),
            "MODELS_DIR": str(folder / "models"),
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": "",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }
        self.environment = os.environ | where | SETTINGS
        self.decisions = Decisions(folder / "models", folder / "var" / "decisions")
        self._decided = 0

    def log(self, line: str) -> None:
        """Log what happens, and when."""
        self.lines.append(f"{time.monotonic() - self._began:6.1f} s  {line}")
        self._echo(self.lines[-1])

    def train(self, data: Path) -> None:
        """Train the first version on a file."""
        command = [sys.executable, "-m", "train", "wine", "--data", str(data)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, check=False
        )
        if done.returncode:
            raise BenchError(f"training failed: {done.stderr.decode()[-500:]}")

    @contextmanager
    def started(self, *module: str) -> Iterator[None]:
        """Run a module until the block ends."""
        with (self.folder / f"{module[0]}.log").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._running.append(process)
        try:
            yield
        finally:
            self._running.remove(process)
            processes.stop(process)

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for something to happen."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if any(process.poll() is not None for process in self._running):
                raise BenchError(f"a process ended before {what} came")
            if time.monotonic() > deadline:
                raise BenchError(f"{what} did not come within {PATIENCE:.0f} s")
            time.sleep(0.1)

    def decided(self) -> list[Decision]:
        """What the monitor did, the first one first: what comes before is the first training."""
        return self.decisions.history("wine")[::-1][1:]

    def news(self) -> list[Decision]:
        """Log and return the decisions since the last call."""
        history = self.decided()
        new, self._decided = history[self._decided :], len(history)
        for taken in new:
            change = f"{taken.before or 'none'} → {taken.version or 'none'}"
            self.log(f"decision  {taken.action} {change} by {taken.who}: {taken.why}")
        return new

    def until_promoted(self, customers: Customers, vintage: Vintage) -> None:
        """Wait for version 2 to be live; what it is tried on, nobody was trained on."""

        def promoted() -> bool:
            actions = {taken.action for taken in self.news()}
            if "trial" in actions:
                customers.wines = vintage.unseen()
                self.log("traffic   other wines, which neither version was trained on")
            return "promote" in actions

        self.wait("version 2 live", promoted)
        self.wait("its first answer", lambda: customers.versions[2] > 0)
        self.log(f"traffic   version 2 answers, after {customers.versions[1]:,} of version 1")

    def count(self, customers: Customers) -> int:
        """Count the predictions in the store, and log the monitor's verdict."""
        with closing(Store(f"sqlite:///{self.folder / 'var' / 'serving.db'}")) as store:
            self.wait("the last record", lambda: bool(store.prediction(customers.ids[-1])))
            latest = store.reports.latest("wine", 2)
            if report := read(latest.report if latest else None):
                self.log(f"monitor   wine 2: {report.verdict}: {sentence(report.statements)}")
            if lasting := store.reports.alerts("wine", lasting=True):
                raise BenchError(f"an alert lasts: {lasting}")
            return sum(1 for each in customers.ids if store.prediction(each))


def run(echo: Echo = print) -> Outcome:
    """Run the whole loop, and log what happens.

    Raises
    ------
    BenchError
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="story-"))
        story, vintage = Story(Path(folder), echo), Vintage()
        data = story.folder / "data" / "winequality.csv"
        vintage.write(data)
        story.train(data)
        story.log(f"train     wine 1, on {TRAINED:,} wines; it is live")
        webhook = stack.enter_context(closing(Webhook(story.log)))
        story.environment["ALERT_WEBHOOK"] = webhook.url
        stack.enter_context(story.started("gunicorn", "app:app"))
        customers = Customers(story.port, vintage.calm())
        story.wait("the service", customers.are_answered)
        stack.enter_context(story.started("serving", "monitor"))
        customers.start()
        stack.callback(customers.stop)
        story.log("traffic   wines such as those trained on, without pause")
        story.wait("calm answers", lambda: len(customers.ids) >= CALM)
        time.sleep(SETTLED)
        if webhook.states:
            raise BenchError("there was an alert before there was a drift")
        customers.wines = vintage.drifted()
        story.log(f"drift     begins after {len(customers.ids)} answers and no alert")
        story.wait("an alert", lambda: "raised" in webhook.states)
        customers.gives_feedback = True
        story.log("feedback  arrives from now on")
        story.until_promoted(customers, vintage)
        raised = webhook.states.count("raised")
        story.wait("the all-clear", lambda: webhook.states.count("cleared") >= raised)
        story.wait("more answers", lambda: customers.versions[2] > 2 * WINDOW)
        time.sleep(SETTLED)
        customers.stop()
        stored, answered = story.count(customers), customers.outcomes[OK]
        outcome = Outcome(
            lines=story.lines,
            requests=customers.outcomes.total(),
            answered=answered,
            stored=stored,
            feedback=customers.feedback[OK],
            versions=dict(customers.versions),
            decisions=story.decided(),
            alerts=webhook.states,
        )
        story.log(
            f"the end   {outcome.requests:,} requests, {answered:,} answers, {stored:,} stored"
        )
        return outcome
