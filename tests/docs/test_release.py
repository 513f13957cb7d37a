"""A release has one number, and whoever asks for it gets that one."""

import platform
import re

import pytest
from click.testing import CliRunner
from conftest import ROOT
from flask.testing import FlaskClient

import serving.__main__
import train.__main__
from serving import __version__


def test_the_newest_heading_of_the_changelog_is_this_release():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


@pytest.mark.parametrize("command", [serving.__main__.main, train.__main__.main])
def test_a_command_tells_the_release(command: object):
    told = CliRunner().invoke(command, ["--version"], env={"MODELS_DIR": "/nowhere/at/all"})
    assert (told.exit_code, told.output) == (0, f"adega {__version__}\n")


def test_the_service_tells_its_release(client: FlaskClient):
    assert client.get("/openapi.json").json["info"]["version"] == __version__
    labels = f'version="{__version__}",python="{platform.python_version()}"'
    assert f"serving_build_info{{{labels}}} 1\n" in client.get("/metrics").text
