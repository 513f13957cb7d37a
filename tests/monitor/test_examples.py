"""The monitor as a whole: it finds what is there, not what is not, and its examples are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import serving.monitor
from bench.monitor import simulate

ROOM = Path(serving.monitor.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOM).with_suffix("").parts) for path in ROOM.rglob("[!_]*.py")
)


@pytest.mark.parametrize("module", MODULES)
def test_its_examples_are_true(module: str):
    assert doctest.testmod(import_module(f"serving.monitor.{module}")).failed == 0


def test_it_finds_what_is_there_in_real_wines_and_nothing_else():
    """A few of the windows of `python -m bench monitor`, and a smaller forest."""
    for shown in simulate(splits=1, windows=8, trees=20):
        assert shown.holds, shown
