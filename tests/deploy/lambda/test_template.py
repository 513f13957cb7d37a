"""The template is one of AWS SAM, and names what the function and its documentation have."""

import re
import subprocess
from pathlib import Path

import yaml
from conftest import ROOT
from programs import skip_or_fail

TEMPLATE = ROOT / "deploy/lambda/template.yaml"
LINT = Path(__file__).parent / ".venv-lint/bin/cfn-lint"


def test_the_template_is_valid():
    if not LINT.exists():
        skip_or_fail("cfn-lint is not installed: make test-lambda")
    done = subprocess.run([LINT, TEMPLATE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_variable_is_a_setting():
    documented = (ROOT / "docs/settings.md").read_text()
    names = re.findall("^ {10}([A-Z_]+):", TEMPLATE.read_text(), re.MULTILINE)
    assert len(names) > 5
    for name in names:
        assert f"| `{name}` |" in documented


def test_each_parameter_is_documented():
    class Loader(yaml.SafeLoader):
        """Reads the tags of CloudFormation as plain values."""

    Loader.add_multi_constructor("!", lambda _loader, _, node: node.value)
    parameters = yaml.load(TEMPLATE.read_text(), Loader)["Parameters"]
    page = (ROOT / "docs/lambda.md").read_text()
    assert not [name for name in parameters if f"`{name}`" not in page]
