"""What fails without Spark: how it is worded, and copies that another user could have changed."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from serving.errors import ArtefactError
from serving.spark.failures import sentence
from serving.spark.origin import shared_at

LOST = (
    "Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: "
    "Lost task 0.3 in stage 0.0 (TID 3) (10.0.0.7 executor 1): "
)
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "worker.py", line 4207, in invoke_udf\n    func = read_udfs(\n           ^^^^^\n'
)
AT = "\n\tat java.base/java.lang.ProcessBuilder.start(ProcessBuilder.java:1143)\n\tat org.apache"


class OfJava(Exception):
    """As py4j raises it: the message is long, and the cause is an object of Java."""

    def __init__(self, message: str) -> None:
        super().__init__("An error occurred while calling z:org.apache\n" + message)
        self.java_exception: Any = self
        self.getMessage = lambda: message


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OfJava(f'{LOST}java.io.IOException: Cannot run program "python": error=2{AT}'),
            'Cannot run program "python": error=2',
        ),
        (
            OfJava(
                f"{LOST}org.apache.spark.api.python.PythonException: [PYTHON_EXCEPTION] An "
                f"exception was thrown from the Python worker: {TRACE}RuntimeError: the executor "
                f"lacks it\n SQLSTATE: 38000{AT}\n\nDriver stacktrace:"
            ),
            "the executor lacks it",
        ),
        (
            RuntimeError(
                f"An exception was thrown from the Python worker:\n{TRACE}"
                "serving.errors.ArtefactError: wine 1: model.pkl is missing\n"
            ),
            "wine 1: model.pkl is missing",
        ),
        (
            OfJava(f"{LOST}ExecutorLostFailure (executor 1 exited): Command exited with code 137"),
            "ExecutorLostFailure (executor 1 exited): Command exited with code 137",
        ),
        (RuntimeError(), "RuntimeError()"),
    ],
)
def test_a_failure_is_one_sentence(error: Exception, expected: str):
    assert sentence(error) == expected


def test_copies_are_not_read_from_a_folder_that_another_user_can_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = shared_at("s3://bucket/models").models_dir.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(ArtefactError, match="can be written by another user; remove it, or set"):
        shared_at("s3://bucket/models")
    assert folder.name == f"adega-{os.getuid()}"
