"""Memory is estimated, and compared with what there is, before a training begins."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from training import output, refused

from serving.inputs.field import Field
from train.memory import require
from train.memory.available import Available, available
from train.memory.estimate import Shape, of_reading, of_training
from train.tables import read

GIB = 2**30
MEMINFO = {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8388608 kB\nHugePages_Total: 0\n"}


def group(folder: str, limit: str, used: int, cached: int, *, old: bool = False) -> dict[str, str]:
    """The files of a cgroup."""
    names = ("limit_in_bytes", "usage_in_bytes") if old else ("max", "current")
    return {
        f"{folder}/memory.{names[0]}": limit,
        f"{folder}/memory.{names[1]}": str(used),
        f"{folder}/memory.stat": f"anon 1\n{'total_' if old else ''}inactive_file {cached}\n",
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (MEMINFO, Available(8 * GIB, "this machine")),
        (
            MEMINFO
            | {"proc/self/cgroup": "0::/a/b\n"}
            | group("sys/fs/cgroup/a", str(4 * GIB), 2 * GIB, GIB)
            | group("sys/fs/cgroup/a/b", "max", 2 * GIB, GIB),
            Available(3 * GIB, "this container"),
        ),
        (
            MEMINFO
            | {"proc/self/cgroup": "5:memory:/docker/1\n4:cpu:/docker/1\n"}
            | group("sys/fs/cgroup/memory", str(2 * GIB), 2 * GIB, GIB // 2, old=True),
            Available(GIB // 2, "this container"),
        ),
        (
            MEMINFO
            | {"proc/self/cgroup": "0::/\n"}
            | group("sys/fs/cgroup", str(64 * GIB), GIB, 0),
            Available(8 * GIB, "this machine"),
        ),
        ({}, None),
    ],
    ids=["machine", "a parent of version 2", "version 1", "above the machine", "nothing"],
)
def test_the_least_of_machine_and_containers_counts(
    files: dict[str, str], expected: Available | None, tmp_path: Path
):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert available(tmp_path) == expected


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Any:
    def there(octets: float) -> None:
        found = Available(int(octets), "this machine")
        monkeypatch.setattr(require, "available", lambda: found)

    return there


def tables(folder: Path) -> list[Path]:
    frame = pd.DataFrame({"x": np.arange(2000.0)[::-1] ** 0.5, "y": np.arange(2000) % 7 * 1.5})
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_parquet(folder / "a.parquet")
    return [folder / "a.csv", folder / "a.parquet"]


def test_what_cannot_fit_is_refused_before_it_is_read(there: Any, tmp_path: Path):
    there(1000)
    for file in tables(tmp_path):
        message = refused(tmp_path, file, "--target", "y")
        assert "reading 2,000 rows of 2 columns takes about" in message
        assert "this machine has 1e-06 GB left: name fewer files or columns (--drop)" in message


def test_what_may_fit_is_trained_with_a_remark(there: Any, tmp_path: Path):
    file, _ = tables(tmp_path)
    there(30_000_000)
    text = output(tmp_path, file, "--target", "y", "--estimator", "decision-tree")
    assert "training on 2,000 rows of 1 column takes about 0.0402 GB of memory" in text
    assert "if it is killed, name fewer files" in text


def test_rows_of_csv_are_counted_by_a_part_of_it(tmp_path: Path):
    big = tmp_path / "big.csv"
    frame = pd.DataFrame({"x": np.arange(200_000), "y": 'a "quoted, ü\ntext'})
    frame.to_csv(big, index=False)
    rows, columns, _ = read.size((big, big))
    assert columns == 2
    assert rows == pytest.approx(400_000, rel=0.1)


def test_cells_of_csv_take_what_their_texts_take(tmp_path: Path):
    """Those of one character are shared, and took a third of numbers with all their digits."""
    needed = []
    for cell in (1, 0.12345678901234567):
        file = tmp_path / f"{cell}.csv"
        pd.DataFrame({each: [cell] * 2000 for each in "abc"}).to_csv(file, index=False)
        needed.append(of_reading(*read.size((file,)), is_csv=True))
    assert needed[1] > 2 * needed[0] > 0


def test_labels_and_leaves_take_more():
    number, label = (
        Field(name="x"),
        Field(name="c", type="category", categories=tuple(map(str, range(40)))),
    )
    shape = Shape(1_000_000, 1, (number,), 3, 1, 50, 250)
    assert of_training(shape._replace(fields=(label,))) > 2 * of_training(shape)
    assert of_training(shape._replace(labels=100)) > 5 * of_training(shape)
    assert of_training(shape._replace(min_leaf=1)) > 5 * of_training(shape)
