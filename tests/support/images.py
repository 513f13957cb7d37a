"""The images that Docker builds from this checkout, each built once by a run of the tests."""

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SERVING, FUNCTION = "adega", "adega-lambda"


def run(*command: str, check: bool = True, **environment: str) -> str:
    """Run a command in the project's folder and return what it prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@cache
def build_serving() -> str:
    """Build the image that serves and trains; return its name."""
    return _build(SERVING, "Dockerfile")


@cache
def build_function() -> str:
    """Build the image of AWS Lambda, upon the one that serves; return its name."""
    build_serving()
    return _build(FUNCTION, "deploy/lambda/Dockerfile")


def _build(name: str, file: str) -> str:
    run("docker", "build", "--network=host", "--tag", name, "--file", file, ".")
    return name
