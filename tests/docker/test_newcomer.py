"""What README shows, with Docker and without Python, in a folder that somebody has cloned."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers import COMPOSE, Container, up
from images import build_serving, run
from servers import get, predict, wait_until

HOME = {"area": 80, "bedrooms": 2, "district": "harbour", "built": 1998, "garage": "yes"}
OWNER = 1000


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    build_serving()


@pytest.fixture(scope="module")
def cloned() -> Iterator[Path]:
    """A folder that its owner may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="cloned-") as made:
        Path(made).chmod(0o755)  # as git clone makes it
        yield Path(made)


@pytest.fixture(scope="module")
def started(cloned: Path) -> Iterator[Container]:
    with up(COMPOSE["v2"], cloned, owner=OWNER) as container:
        yield container


def adega(container: Container, *command: str) -> str:
    return run(*container.compose, "run", "--rm", "adega", *command)


def send(url: str, body: Any) -> Any:
    content = body if isinstance(body, str) else json.dumps(body)
    return json.loads(run("curl", "-sS", "--data-binary", content, url))


def predicted(url: str) -> Any:
    """Predict a home once the worker that is asked follows the new version, as each does soon."""
    found: dict[str, Any] = {}

    def is_predicted() -> bool:
        found.update(send(url, HOME))
        return "prediction" in found

    wait_until(is_predicted)
    return found


def owners(folder: Path) -> set[int]:
    return {each.stat().st_uid for each in (folder, *folder.rglob("*"))}


def test_a_good_and_a_bad_wine_are_predicted(started: Container):
    for name in ("bom", "ruim"):
        assert predict(started.url, name)["prediction"] == name


def test_pages_show_commands_as_they_are_typed_with_docker(started: Container):
    page = run("curl", "-sS", "-H", "Accept: text/html", f"{started.url}/login")
    assert "docker compose run --rm adega keys add" in page


def test_a_csv_is_trained_and_its_owner_may_delete_the_version(started: Container, cloned: Path):
    named = ("--target", "price", "--name", "homes")
    run(*started.compose, "run", "--rm", "train", "examples/homes.csv", *named)
    made = predicted(f"{started.url}/models/homes/predict")
    assert made["interval"]["low"] < made["prediction"] < made["interval"]["high"]
    assert owners(cloned / "models") == {OWNER}
    remove = ["rm", "-r", str(cloned / "models/homes")]
    subprocess.run(remove, check=True, user=OWNER, group=OWNER)


def test_a_pickle_of_ones_own_script_is_imported(started: Container, cloned: Path):
    python = ("run", "--rm", "--entrypoint", "for-owner python", "adega")
    run(*started.compose, *python, "examples/iris.py")
    named = ("--name", "iris", "--sample", "iris.csv", "--target", "species")
    adega(started, "train", "import", "iris.pkl", *named)
    wait_until(lambda: get(f"{started.url}/models/iris")[0] == 200)
    assert owners(cloned / "models") == {OWNER}


def test_another_version_is_tried_put_live_and_rolled_back(started: Container, cloned: Path):
    adega(started, "train", "diabetes")
    adega(started, "trial", "diabetes", "2")
    adega(started, "promote", "diabetes", "2", "--why", "trained again")
    wait_until(lambda: get(f"{started.url}/models/diabetes")[1]["version"] == 2)
    adega(started, "rollback", "diabetes")
    wait_until(lambda: get(f"{started.url}/models/diabetes")[1]["version"] == 1)
    assert "trained again" in adega(started, "versions", "diabetes")
    assert owners(cloned / "models") == {OWNER}
    decided = run(*started.compose, "exec", "-T", "serving", "adega", "promote", "diabetes", "2")
    assert "promote diabetes 1 → 2" in decided
    wait_until(lambda: get(f"{started.url}/models/diabetes")[1]["version"] == 2)


def test_a_csv_is_trained_over_http_by_the_worker_beside(started: Container, cloned: Path):
    url, table = f"{started.url}/trainings", (cloned / "examples/homes.csv").read_text()
    wait_until(lambda: get(url)[1]["worker"]["runs"])
    training = f"{url}/{send(f'{url}?file=homes.csv', table)['id']}"
    wait_until(lambda: get(training)[1]["state"] == "ready")
    send(training, {"action": "start", "target": "price", "name": "flats", "estimator": "linear"})
    wait_until(lambda: get(training)[1]["state"] in {"done", "failed"})
    assert get(training)[1]["error"] == ""
    assert predicted(f"{started.url}/models/flats/predict")["version"] == 1
    assert owners(cloned / "models") == {OWNER}
    deleted = run("curl", "-sS", "-X", "DELETE", "-w", "%{http_code}", training)
    assert deleted == "204"  # with what the worker wrote


def test_files_of_the_folder_are_predicted_and_the_monitor_checks_once(
    started: Container, cloned: Path
):
    adega(started, "predict", "wine", "examples/wines.csv", "-o", "predicted.csv")
    assert "prediction" in (cloned / "predicted.csv").read_text()
    run(*started.compose, "stop", "monitor")  # of which one runs at a time
    assert "wine" in adega(started, "monitor", "--once")


def test_what_writes_models_is_the_user_of_the_service_with_two_rights(started: Container):
    check = "import os; print(os.getuid()); print(open('/proc/self/status').read())"
    python = ("run", "--rm", "--entrypoint", "for-owner python", "train", "-c", check)
    lines = run(*started.compose, *python).splitlines()
    assert "10001" in lines
    capabilities = {line.split()[0]: line.split()[1] for line in lines if line.startswith("Cap")}
    both = 2**0 | 2**1  # CHOWN, DAC_OVERRIDE
    assert int(capabilities["CapEff:"], 16) == int(capabilities["CapPrm:"], 16) == both
    assert "NoNewPrivs:\t1" in lines
    refused = ("run", "--rm", "--entrypoint", "for-owner touch", "train", "/files/x")
    assert "Read-only file system" in run(*started.compose, *refused, check=False)
