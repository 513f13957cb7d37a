"""The commands of a page of the docs, run in its order, and what the page shows of their output."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from committed import copy
from servers import ROOT

URL = "http://localhost:5000"  # of the service, in all pages
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END_OF_BLOCK = "=== end of block ==="
# The pages say "within two seconds"; a shell is faster than a reader, and a busy machine slower.
WAIT_FOR_SERVICE = """
timeout 120 .venv/bin/python - http://localhost:5000 <<'END'
import datetime, json, os, sys, time, urllib.request
from pathlib import Path
began, equal = datetime.datetime.now(datetime.UTC).isoformat(), 0
def get(path):
    with urllib.request.urlopen(sys.argv[1] + path) as response:
        return json.load(response)
def collected():
    store = get("/health/ready")["journal"]["store"]
    return store.get("checked", "") > began and not store["waiting_bytes"]
while equal < 20:  # each request is a connection, which either worker may get
    served = {each["name"]: each["version"] for each in get("/models")["models"]}
    pointers = Path(os.environ["MODELS_DIR"]).glob("*/current")
    live = {each.parent.name: int(each.read_text()) for each in pointers}
    equal = equal + 1 if served == live else 0
    time.sleep(0 if equal else 0.1)
while not collected():
    time.sleep(0.1)
END
"""


class Step(NamedTuple):
    """Commands, and the output that the page shows below them; none if it shows none."""

    commands: str
    output: str


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block, without diagrams, which are translated."""
    found = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    return [(language, text) for language, text in found if language != "mermaid"]


def steps(page: str) -> list[Step]:
    """Each block of commands with its output."""
    found = blocks(page)
    shown = [text if language != "sh" else "" for language, text in [*found[1:], ("sh", "")]]
    return [
        Step(text.strip(), output)
        for (language, text), output in zip(found, shown, strict=True)
        if language == "sh"
    ]


def clone(folder: Path) -> Path:
    """Copy what the commands read and change to a folder, with the environment of `make`."""
    wanted = ["examples", "train/data", ":(glob)*.json"]
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, tracked.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    copy(folder / "models")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def run(
    steps: Sequence[Step], folder: Path, url: str, *, models: str = "models", var: str = "var"
) -> list[str]:
    """Run the commands of all steps in one shell, as a reader does, and return what each prints.

    Variables of one step are used in the next. A command that fails ends the run.
    """
    script = "\n".join(
        f"{step.commands}\n{WAIT_FOR_SERVICE}echo '{END_OF_BLOCK}'" for step in steps
    )
    own: dict[str, object] = {"MODELS_DIR": folder / models, "VAR_DIR": folder / var}
    own |= {"PYTHONPATH": ROOT, "PYTHONWARNINGS": "error"}  # on the code beside these tests
    ended = subprocess.run(
        ["bash", "-e", "-c", script.replace(URL, url)],
        cwd=folder,
        env=os.environ | {name: str(value) for name, value in own.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = ended.stdout.split(END_OF_BLOCK)
    assert ended.returncode == 0, f"{steps[len(printed) - 1].commands}\n{printed[-1]}{ended.stderr}"
    return printed[:-1]


def matches(shown: str, output: str) -> bool:
    """Whether an output is the one shown, where … stands for anything; none shown allows any.

    curl ends its output without a line break, so the next one follows on the same line.
    """
    pattern = ".*".join(map(re.escape, shown.strip().split("…"))).replace("\\\n", r"\s*")
    return not shown or re.fullmatch(pattern, output.strip(), re.DOTALL) is not None
