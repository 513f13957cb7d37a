"""Serve scikit-learn models as a REST service: everything between a request and its response."""

import sys
from pathlib import Path

__version__ = "1.0.0"  # also the newest heading of CHANGELOG.md

# The installed command, as it is typed here: make puts it into .venv, the image on PATH.
COMMAND = ".venv/bin/adega" if Path(sys.prefix).name == ".venv" else "adega"
