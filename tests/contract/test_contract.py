"""Tools that read the API's document, run against the service as it runs in production.

`make test-contract` installs them; CASES and SEED ask for more, and for others.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, ROOT, rewrite
from programs import skip_or_fail
from servers import Server, get, gunicorn, running, wait_until

HERE = Path(__file__).parent
PROGRAMS = HERE / "node_modules/.bin"
PYTHON = HERE / ".venv/bin/python"
CLIENTS = HERE / "clients"  # of each generator
KEY = f"adega_{'x' * 43}"  # as a generated one, it is not slowed down by wrong ones
# Each operation's, in the fuzzing phase; the others are as many as the document has corners.
CASES, SEED = os.environ.get("CASES", "30"), os.environ.get("SEED", "1")
LEAST_CASES = 5_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a version to decide on, and somebody who may."""
    folder = tmp_path_factory.mktemp("contract")
    models = folder / "models"
    shutil.copytree(MODELS, models)
    rewrite(models, lambda manifest, _: manifest.update(title="newer"))
    variables = {"MODELS_DIR": str(models), "ADMIN_KEYS": f"contract:{KEY}"}
    variables |= {"TRAINING_WORKER": "off"}  # any body of a request would be read, and trained on
    with running(gunicorn(), folder / "log", **variables) as started:
        curl = ["curl", "-sS", "-d", f"@{ROOT / 'bom.json'}", f"{started.url}/predict"]
        subprocess.run(curl, check=True, capture_output=True)  # which the document's id names
        ready = f"{started.url}/health/ready"  # the log may have no 503, as before there is a store
        wait_until(lambda: get(ready)[1]["journal"]["store"]["state"] == "reached")
        wait_until(lambda: bool(get(f"{started.url}/models/wine/predictions")[1]["predictions"]))
        yield started


def run(folder: Path, *command: object) -> str:
    """Run a program in a folder and return its output; fail where it does."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def newman(folder: Path, collection: Path, variable: str) -> list[dict[str, Any]]:
    """Each request of a collection with its answer, after a run in which no test failed."""
    reporters = ["--reporters", "cli,json", "--reporter-json-export", "report.json"]
    run(folder, PROGRAMS / "newman", "run", collection, *reporters, "--env-var", variable)
    report = json.loads((folder / "report.json").read_text())["run"]
    assert report["stats"]["assertions"]["failed"] == 0
    return report["executions"]


def test_newman_runs_the_collection(server: Server, tmp_path: Path):
    collection = ROOT / "docs/postman_collection.json"
    executions = newman(tmp_path, collection, f"base_url={server.url}")
    assert len(executions) == len(json.loads(collection.read_text())["item"])
    assert all(each["assertions"] for each in executions)


def without_signs(path: str) -> str:
    """A path without those around the names of its variables, which Postman writes otherwise."""
    return re.sub("[{}:]", "", path)


def test_what_postman_imports_from_the_document_works_as_it_stands(server: Server, tmp_path: Path):
    document, imported = tmp_path / "openapi.json", tmp_path / "imported.json"
    described = get(f"{server.url}/openapi.json")[1]
    document.write_text(json.dumps(described))
    options = "folderStrategy=Tags,parametersResolution=Example"
    run(tmp_path, PROGRAMS / "openapi2postmanv2", "-s", document, "-o", imported, "-O", options)
    executions = newman(tmp_path, imported, f"baseUrl={server.url}")
    answers = {
        f"{each['item']['request']['method']} "
        + without_signs("/".join(each["item"]["request"]["url"]["path"])): each["response"]["code"]
        for each in executions
    }
    operations = {
        f"{method.upper()} {without_signs(path.removeprefix('/'))}": operation
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert answers.keys() == operations.keys()
    # A key is for people to put in; after ten wrong ones the next is refused as one too many.
    by_admins = {call for call, operation in operations.items() if operation["security"]}
    assert {answers.pop(call) for call in by_admins} <= {401, 429}
    checks = {call for call in answers if call.startswith("POST") and call.endswith("/check")}
    assert {answers.pop(call) for call in checks} == {202}
    assert {call: code for call, code in answers.items() if code != 200} == {}


@pytest.fixture(scope="module")
def document(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document in a file."""
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_text(json.dumps(get(f"{server.url}/openapi.json")[1]))
    return file


@pytest.mark.parametrize(
    "lint", [("redocly", "lint"), ("spectral", "lint", "--ruleset", HERE / "spectral.yaml")]
)
def test_the_document_has_no_fault_for_linters(document: Path, lint: tuple[Any, ...]):
    program, *arguments = lint
    run(document.parent, PROGRAMS / program, *arguments, document)


def openapi_python_client(document: Path, folder: Path) -> list[object]:
    """Generate a client and return the command that runs it."""
    into = ["--output-path", folder / "generated", "--meta", "none"]
    run(folder, PYTHON.parent / "openapi-python-client", "generate", "--path", document, *into)
    return [PYTHON, shutil.copy(CLIENTS / "openapi_python_client.py", folder / "client.py")]


def openapi_generator(document: Path, folder: Path) -> list[object]:
    if not shutil.which("java"):
        skip_or_fail("openapi-generator needs Java")
    generate = ["generate", "-i", document, "-g", "python", "-o", folder]
    run(folder, PYTHON.parent / "openapi-generator-cli", *generate)
    return [PYTHON, shutil.copy(CLIENTS / "openapi_generator.py", folder / "client.py")]


def openapi_typescript(document: Path, folder: Path) -> list[object]:
    run(folder, PROGRAMS / "openapi-typescript", document, "-o", folder / "generated.ts")
    client = shutil.copy(CLIENTS / "openapi_typescript.ts", folder / "client.ts")
    strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"]
    target = ["--target", "es2022", "--lib", "es2022,dom", "--module", "commonjs"]
    run(folder, PROGRAMS / "tsc", *strict, *target, client, folder / "generated.ts")
    return ["node", folder / "client.js"]


@pytest.mark.parametrize("generate", [openapi_python_client, openapi_generator, openapi_typescript])
def test_a_generated_client_predicts(
    server: Server,
    document: Path,
    tmp_path: Path,
    generate: Callable[[Path, Path], list[object]],
):
    record = (ROOT / "bom.json").read_text()
    output = run(tmp_path, *generate(document, tmp_path), server.url, record)
    assert json.loads(output) == {
        "one": "bom",
        "many": ["bom", "bom"],
        "recorded": 1,
        "fault": "alcohol",
    }


def test_schemathesis_finds_nothing(server: Server, tmp_path: Path):
    """Last, as it also erases."""
    output = run(
        tmp_path,
        HERE / ".venv/bin/schemathesis",
        *("--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json"),
        # It expects 401 for the tenth wrong key in a row, too; tests/access sends them.
        *(
            "--checks",
            "all",
            "--exclude-checks",
            "ignored_auth",
            "--mode",
            "all",
            "--max-examples",
            CASES,
            "--seed",
            SEED,
        ),
        *("--header", f"Authorization: Bearer {KEY}", "--continue-on-failure"),
        *("--generation-database", "none", "--no-color"),
    )
    print(output)
    (cases,) = re.findall(r"(\d+) generated", output)
    assert int(cases) >= LEAST_CASES
    assert not [line for line in server.lines() if line.get("status", 200) >= 500]
