"""Keys for signatures, and a version whose pickle touches a file."""

import pickle
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from conftest import leave_the_pickle, rewrite

from serving.__main__ import main
from serving.models.artefact import PICKLE


def new_key(file: Path) -> tuple[str, str]:
    """A private key in a file, and its public key."""
    made = CliRunner().invoke(main, ["signing-key", str(file)])
    assert made.exit_code == 0, made.output
    return str(file), made.output.strip()


class Touch:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def with_touching_pickle(models: Path, file: Path) -> int:
    """A next version of wine that is served from a pickle which touches a file."""

    def poison(_: Any, contents: dict[str, bytes]) -> None:
        leave_the_pickle(contents)
        contents[PICKLE] = pickle.dumps(Touch(file))

    return rewrite(models, poison)
