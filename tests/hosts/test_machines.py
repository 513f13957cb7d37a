"""Machines of network namespaces leave nothing behind, also when their test is killed."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import skip_or_fail
from servers import ROOT, wait_until

from bench import machines

MAKE = """
import sys, time
from bench.machines import Machines
with Machines() as made:
    asleep = made.add("ana").run(["sleep", "600"], sys.stderr.buffer)
    print(asleep.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _possible() -> None:
    if reason := machines.missing():
        skip_or_fail(reason)


def namespaces_of(pid: int) -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{machines.NAME}{pid}*")]


def test_what_a_killed_run_leaves_is_removed_by_the_next_one():
    with subprocess.Popen(
        [sys.executable, "-c", MAKE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        asleep = int(run.stdout.readline())
        assert machines.runs(asleep)
        machines.sweep()  # of another one, while this one runs
        assert len(namespaces_of(run.pid)) == 2
        run.kill()
    machines.sweep()
    assert namespaces_of(run.pid) == []
    wait_until(lambda: not machines.runs(asleep))


def test_two_runs_at_once_do_not_meet():
    inside = "from bench.machines import *; Machines().__enter__(); print(address('clients'))"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", inside], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for run in runs:
        assert run.communicate()[0].strip() == machines.address("clients")
        assert run.returncode == 0
    machines.sweep()
