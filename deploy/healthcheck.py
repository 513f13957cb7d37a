#!/usr/bin/env python3
"""Exits with 0 if the service of this container is ready, at whatever port it was started.

SageMaker's `serve` listens on 8080 unless it is given another port, and all others on 5000.
"""

import os
import sys
import urllib.request
from contextlib import suppress

GIVEN = ("PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")

given = [os.environ[name] for name in GIVEN if os.environ.get(name)]
for port in given[:1] or ["5000", "8080"]:
    with suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2)
        sys.exit()
sys.exit(1)
