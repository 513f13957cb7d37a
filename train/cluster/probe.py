"""What a worker has installed. Sent to the workers as it is, so it imports nothing of its own."""

import hashlib
import importlib.metadata
import importlib.util
import platform
import sys
from pathlib import Path

import psutil  # which Dask needs as well

PACKAGES = (
    *("scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl", "pandas", "msgspec"),
    *("distributed", "cloudpickle", "lightgbm", "xgboost-cpu", "xgboost"),
)
OURS = ("serving", "train")
CHANGED = "code that was changed since it was started"


def installed() -> dict[str, str]:
    """The version of Python and of each package, and a hash of Adega's code; empty if none.

    A process that has loaded code which was changed since has `CHANGED` in place of the hash.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found | {"Adega": _hash()}


def _hash() -> str:
    digest, changed = hashlib.sha256(), 0.0
    for name in OURS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            return ""
        folder = Path(spec.origin).parent
        for file in sorted(folder.rglob("*.py")):
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
            changed = max(changed, file.stat().st_mtime)
    if OURS[-1] in sys.modules and changed > _began():
        return CHANGED
    return digest.hexdigest()[:12]


def _began() -> float:
    return float(psutil.Process().create_time())
