"""Every route declares who may call it, and the table of docs/security.md is true."""

import runpy
from pathlib import Path

from conftest import ROOT
from flask.testing import FlaskClient

SCRIPT = ROOT / "docs/security.py"
OPEN = {"/health/live", "/health/ready", "/login", "/logout", "/static/<sent>/<file>"}
OPEN |= {"/v2", "/v2/health/live", "/v2/health/ready"}  # which clients ask before they have a key
# Of MLflow, SageMaker and Vertex AI, whose platforms have no key.
OPEN |= {"/ping", "/health", "/execution-parameters"}


def test_every_route_declares_its_scope(client: FlaskClient):
    views = client.application.view_functions
    rules = [*client.application.url_map.iter_rules()]
    undeclared = [rule for rule in rules if not hasattr(views[rule.endpoint], "declaration")]
    assert undeclared == []
    declared = {rule.rule: views[rule.endpoint].declaration.scope for rule in rules}
    assert {rule for rule, scope in declared.items() if scope == "open"} == OPEN


def test_the_table_is_as_docs_security_py_makes_it():
    page = runpy.run_path(str(SCRIPT))
    assert Path(page["PAGE"]).read_text(encoding="utf-8") == page["text"](), "run docs/security.py"
