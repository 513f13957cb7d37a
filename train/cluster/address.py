"""The address of a cluster, and what is refused."""

from importlib.util import find_spec
from urllib.parse import urlsplit

from train.errors import TrainingError

SCHEME, PORT = "dask", 8786
OTHERS = {"ray": "Ray", "spark": "Spark"}
INSTALL = "pip install -r requirements-dask.txt"


def scheduler_of(on: str) -> str:
    """The address of a scheduler as Dask takes it.

    Raises
    ------
    TrainingError
        If it is not one of Dask, or Dask is not installed.
    """
    form = f"{SCHEME}://HOST:{PORT}"
    scheme = on.partition("://")[0]
    if scheme in OTHERS:
        raise TrainingError(
            f"--on {on}: a training goes to a cluster of Dask, not of {OTHERS[scheme]}: "
            f"start a scheduler and workers of Dask, and train with --on {form}"
        )
    try:
        parts = urlsplit(on)
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, 0
    if scheme != SCHEME or not host or parts.path.strip("/"):
        raise TrainingError(f"--on {on} is not the address of a scheduler: write it as {form}")
    if find_spec("distributed") is None:
        raise TrainingError(
            f"--on needs Dask, which is optional: {INSTALL}, here and on the workers"
        )
    host = f"[{host}]" if ":" in host else host
    return f"tcp://{host}:{port}"
