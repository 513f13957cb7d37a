"""Serve scikit-learn models as a REST service: everything between a request and its response."""

import os
import sys
from pathlib import Path

__version__ = "1.0.0"  # also the newest heading of CHANGELOG.md

# The command as it is typed: make puts it into .venv, the image on PATH, and docker-compose.yml
# sets how it is run from outside.
COMMAND = os.environ.get("ADEGA_COMMAND") or (
    ".venv/bin/adega" if Path(sys.prefix).name == ".venv" else "adega"
)
