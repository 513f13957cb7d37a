"""Trainings are carried out one at a time, within bounds, and again where a worker was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from msgspec.structs import replace
from servers import gunicorn, running
from training_client import TABLE, TrainingClient, processes, wait_for

from app import create_app
from serving.settings import Settings
from serving.trainings import requests, steps
from serving.trainings.actions import after
from serving.trainings.environment import environment
from serving.trainings.files import LOG, RESULT
from serving.trainings.files import replace as write
from serving.trainings.requests import StartTraining
from serving.trainings.training import Result
from serving.trainings.trainings import Trainings
from train import job, worker

pytestmark = [pytest.mark.faults]

LARGE = "a,b,c,label\n" + "".join(
    f"{at},{at * 7919 % 1000},{at * 104729 % 997},{'xy'[at * 31 % 17 % 2]}\n" for at in range(3_000)
)
FOREST = {"target": "label", "name": "large", "estimator": "random-forest"}  # takes seconds


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(var_dir=tmp_path / "var", models_dir=models)


@pytest.fixture
def service(settings: Settings) -> TrainingClient:
    return TrainingClient(create_app(settings).test_client())


def queued(settings: Settings, content: str = TABLE, **wanted: str) -> str:
    """A training that waits, and no service that starts a worker for it."""
    kept = Trainings(settings.trainings_dir)
    training = kept.create(
        requests.of_file("homes.csv", "ana"), lambda file: file.write(content.encode())
    )
    action = {"target": "price", "name": "homes", "estimator": "linear"} | wanted

    def start(found):
        ready = replace(found, training=replace(found.training, state="ready"))
        return after(StartTraining(**action), {}, ready)

    kept.change(training.id, start)
    return training.id


def carrying_out(settings: Settings, training_id: str = "") -> list[int]:
    """The processes that read or train for a service."""
    command = f"train.requested.carry_out\0{training_id}"
    return processes(command, f"VAR_DIR={settings.var_dir.resolve()}\0")


def test_a_training_that_is_cancelled_ends_at_once_with_all_its_processes(
    service: TrainingClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADMIN_KEYS", "ana:a-long-secret-of-hers")
    found = service.read(LARGE)["id"]
    service.start(found, **FOREST)
    service.wait(found, "training")
    wait_for(lambda: service.get(found)["progress"], lambda progress: progress)
    (process,) = carrying_out(settings, found)
    os.kill(process, signal.SIGSTOP)  # for as long as a small file is read beside it
    assert service.read()["state"] == "ready"
    assert service.get(found)["state"] == "training"
    assert b"a-long-secret-of-hers" not in Path(f"/proc/{process}/environ").read_bytes()
    assert service.act(found, "start", **FOREST)["status"] == 409
    assert service.act(found, "cancel")["state"] == "cancelled"
    wait_for(lambda: carrying_out(settings, found), lambda left: not left)
    after_all = service.get(found)
    assert (after_all["state"], after_all["version"], after_all["has_file"]) == (
        "cancelled",
        None,
        False,
    )
    assert not (settings.models_dir / "large").exists()
    assert service.act(found, "cancel")["status"] == 409


def test_a_training_whose_worker_is_killed_is_begun_again(
    service: TrainingClient, settings: Settings
):
    found = service.read(LARGE)["id"]
    service.start(found, **FOREST)
    service.wait(found, "training")
    wait_for(lambda: service.get(found)["progress"], lambda progress: progress)
    (carried_out,) = carrying_out(settings, found)
    worker_id = int(Path(f"/proc/{carried_out}/stat").read_text().rpartition(") ")[2].split()[1])
    os.kill(worker_id, signal.SIGKILL)
    wait_for(lambda: carried_out in carrying_out(settings), lambda lives: not lives)
    service.wait(found, "done", "failed")
    assert service.get(found)["version"] == 1
    assert service.log(found).count(" training\n") == 2


def test_a_training_that_ended_every_worker_fails_with_a_sentence(settings: Settings):
    found = queued(settings)
    kept = Trainings(settings.trainings_dir)
    kept.change(found, lambda each: replace(each, attempts=3))
    worker.run(settings, once=True)
    ended = kept.get(found).training
    assert ended.state == "failed"
    assert ended.error.startswith("it was begun 3 times, and each time the worker ended")


def test_a_training_that_takes_too_much_memory_or_time_is_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    kept = Trainings(settings.trainings_dir)
    small = replace_settings(settings, training_max_mb=120)
    found = queued(small, LARGE, **FOREST)
    worker.run(small, once=True)
    assert kept.get(found).training.error.startswith(
        "it took more than the 120 MB of memory that TRAINING_MAX_MB allows: send fewer rows"
    )
    monkeypatch.setattr(job, "MINUTE", 0.05)
    found = queued(settings, LARGE, **FOREST)
    worker.run(settings, once=True)
    assert kept.get(found).training.error.startswith(
        "it took longer than the 60 minutes that TRAINING_MAX_MINUTES allows: choose a faster"
    )
    assert not carrying_out(settings)
    assert kept.get(found).training.has_file


def replace_settings(settings: Settings, **changes: int) -> Settings:
    return Settings(var_dir=settings.var_dir, models_dir=settings.models_dir, **changes)


def test_a_training_that_would_not_fit_is_refused_before_it_begins(settings: Settings):
    kept = Trainings(settings.trainings_dir)
    small = replace_settings(settings, training_max_mb=200)
    content = b"a,b\n" + b"1.2345678,2.3456789\n" * 900_000
    found = kept.create(requests.of_file("a.csv", "ana"), lambda file: file.write(content))
    log = kept.path(found.id) / LOG
    log.write_bytes(bytes(3_000_000))
    worker.run(small, once=True)
    assert "takes about" in kept.get(found.id).training.error
    assert log.stat().st_size < 1_100_000
    assert log.read_bytes().endswith(b"or use a machine with more\n")


def test_what_was_trained_before_its_worker_was_killed_is_not_trained_again(settings: Settings):
    found = queued(settings)
    kept = Trainings(settings.trainings_dir)
    left = [(Result(rows=60), ("queued", None)), (Result(version=7), ("done", 7))]
    with (kept.folder / "lock").open("ab") as lock:
        for result, expected in left:  # by reading, by training
            kept.change(found, steps.begun)
            write(kept.path(found) / RESULT, result)
            worker.Worker(settings, kept, lock)
            training = kept.get(found).training
            assert (training.state, training.version) == expected


def test_a_training_whose_models_folder_is_gone_fails_with_a_sentence(settings: Settings):
    found = queued(settings)
    settings.models_dir.rename(settings.models_dir.with_name("gone"))
    worker.run(settings, once=True)
    error = Trainings(settings.trainings_dir).get(found).training.error
    assert error == f"MODELS_DIR='{settings.models_dir}' is not a folder"


def test_two_workers_never_work_at_the_same_time(settings: Settings):
    several = [queued(settings) for _ in range(2)]
    command = [sys.executable, "-m", "train.worker", "--once"]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment(settings)) for _ in range(2)]
    most = 0
    while any(each.poll() is None for each in both):
        most = max(most, len(carrying_out(settings)))
    kept = Trainings(settings.trainings_dir)
    assert [kept.get(each).training.state for each in several] == ["done", "done"]
    assert most == 1
    assert {kept.get(each).training.version for each in several} == {1, 2}


def test_what_was_queued_is_trained_when_the_service_starts_again(
    settings: Settings, tmp_path: Path
):
    (tmp_path / "var").mkdir()
    found = queued(settings)
    with running(gunicorn(), tmp_path / "log", MODELS_DIR=str(settings.models_dir)):
        kept = Trainings(settings.trainings_dir)
        wait_for(lambda: kept.get(found).training.state, lambda state: state == "done")


def test_a_worker_that_has_to_end_puts_back_what_it_was_doing(settings: Settings):
    found = queued(settings, LARGE, **FOREST)
    kept = Trainings(settings.trainings_dir)
    command = [sys.executable, "-m", "train.worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(settings))
    wait_for(lambda: kept.get(found).training.state, lambda state: state == "training")
    process.terminate()
    assert process.wait(60) == 0
    assert kept.get(found).training.state == "queued"
    assert kept.get(found).attempts == 0
    wait_for(lambda: carrying_out(settings), lambda left: not left)
