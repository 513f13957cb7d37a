"""Check Python and the libraries against those that the tests ran with."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from serving.doctor.finding import Finding
from serving.settings import ROOT

OLDEST, NEWEST = (3, 11), (3, 14)
PINNED = ROOT / "requirements.txt"
NEEDED = {"click", "flask", "gevent", "gunicorn", "joblib", "markupsafe", "msgspec", "numpy"}
NEEDED |= {
    "obstore",
    "onnxruntime",
    "pynacl",
    "python-calamine",
    "scikit-learn",
    "scipy",
    "sqlalchemy",
    "threadpoolctl",
    "werkzeug",
}
INSTALL = f"{sys.executable} -m pip install --requirement requirements.txt"


def examine() -> Iterator[Finding]:
    """Check Python, then each library."""
    python = platform.python_version()
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        yield Finding("Python", "ok", f"Python {python}")
    else:
        wanted = "Python 3.11 to 3.14 is supported"
        yield Finding(
            "Python", "warning", f"this is Python {python}; {wanted}", "install one of these"
        )
    if not PINNED.exists():  # in the container, which was built from it
        yield Finding("libraries", "ok", "there is no requirements.txt to compare with")
        return
    lines = PINNED.read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==", 1) for line in lines if "==" in line)
    found = [one for name, wanted in pinned.items() if (one := _compared(name, wanted))]
    if not found:
        sentence = f"all {len(pinned)} libraries are as in requirements.txt"
        yield Finding("libraries", "ok", sentence)
    yield from found


def _compared(name: str, wanted: str) -> Finding | None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        if name.lower() in NEEDED:
            return Finding("libraries", "error", f"{name} is not installed", INSTALL)
        sentence = f"{name} is not installed; serving does not need it, training may"
        return Finding("libraries", "warning", sentence, INSTALL)
    if installed == wanted:
        return None
    sentence = f"{name} {installed} is installed, {wanted} is in requirements.txt"
    return Finding("libraries", "warning", sentence, INSTALL)
