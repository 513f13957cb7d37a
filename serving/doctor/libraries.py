"""Python and the libraries, against those that this was tested with."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from serving.doctor.finding import Finding
from serving.settings import ROOT

OLDEST, NEWEST = (3, 11), (3, 14)
PINNED = ROOT / "requirements.txt"
NEEDED = {"flask", "gunicorn", "joblib", "msgspec", "numpy", "onnxruntime", "scikit-learn"}
NEEDED |= {"sqlalchemy", "werkzeug", "click"}
INSTALL = f"{sys.executable} -m pip install --requirement requirements.txt"


def examine() -> Iterator[Finding]:
    """Look at Python, then at each library."""
    python = platform.python_version()
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        yield Finding("Python", "fine", f"Python {python}")
    else:
        wanted = "it needs Python 3.11 to 3.14"
        yield Finding("Python", "odd", f"this is Python {python}; {wanted}", "use one of these")
    if not PINNED.exists():  # in the container, which was built from it
        yield Finding("libraries", "fine", "there is no requirements.txt here to compare with")
        return
    lines = PINNED.read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==", 1) for line in lines if "==" in line)
    found = [one for name, wanted in pinned.items() if (one := _compared(name, wanted))]
    if not found:
        sentence = f"all {len(pinned)} libraries are as in requirements.txt"
        yield Finding("libraries", "fine", sentence)
    yield from found


def _compared(name: str, wanted: str) -> Finding | None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        state, sentence = "odd", f"{name} is not installed; serving does without, training may not"
        if name.lower() in NEEDED:
            state, sentence = "broken", f"{name} is not installed"
        return Finding("libraries", "broken" if state == "broken" else "odd", sentence, INSTALL)
    if installed == wanted:
        return None
    sentence = f"{name} {installed} is installed, {wanted} is in requirements.txt"
    return Finding("libraries", "odd", sentence, INSTALL)
