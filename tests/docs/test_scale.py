"""docs/scale.md has what its commands compute."""

import re
import shlex

from click.testing import CliRunner
from conftest import ROOT

from bench.__main__ import main

PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_their_commands():
    found = re.findall(r"^`python -m bench (scale.*)`\n\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert len(found) == 2
    for command, table in found:
        assert CliRunner().invoke(main, shlex.split(command)).output == table
