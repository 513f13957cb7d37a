"""How many processors a process may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from serving.cores import cores

MANY = 1_000


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/", {}, MANY),
        ("0::/", {"cpu.max": "max 100000"}, MANY),
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "10000 100000"}, 1),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/docker/1f", {"cpu.max": "400000 100000"}, 4),
        ("0::/", {"cpu.max": "none"}, MANY),
        (
            "5:memory:/x\n4:cpu,cpuacct:/x\n0::/",
            {"cpu/x/cpu.cfs_quota_us": "500000", "cpu/x/cpu.cfs_period_us": "100000"},
            5,
        ),
        (
            "4:cpu:/",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            MANY,
        ),
    ],
)
def test_a_quota_counts_and_a_part_of_a_processor_is_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cgroup: str,
    files: dict[str, str],
    expected: int,
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(MANY)}, raising=False)
    for name, content in {"proc/self/cgroup": cgroup, **_in_sys(files)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    assert cores(tmp_path) == expected


def _in_sys(files: dict[str, str]) -> dict[str, str]:
    return {f"sys/fs/cgroup/{name}": content for name, content in files.items()}


def test_without_cgroups_the_affinity_counts(tmp_path: Path):
    command = (
        "import os, serving.cores; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "print(serving.cores.cores())"
    )
    if hasattr(os, "sched_setaffinity"):
        found = subprocess.run(
            [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert found.stdout == "1\n"
    assert 1 <= cores(tmp_path) <= (os.cpu_count() or 1)
