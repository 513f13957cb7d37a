"""Loads the pickle of every live model beside the service, and logs whether it answers as it did.

A version that ONNX Runtime serves needs no scikit-learn (120 MB, a second to import). Its pickle is
the record of what was trained all the same, and serves where ONNX may not: so it is loaded at
start-up too, in a process of its own that nobody waits for.
"""

import logging
import subprocess
import sys
from dataclasses import replace

from serving.errors import ArtefactError
from serving.log import log_as_json
from serving.models import artefact
from serving.models.artefact import ONNX
from serving.models.engine import Engine
from serving.settings import ROOT, Settings
from serving.versions.decisions import Decisions

log = logging.getLogger("serving.server.pickle_check")


def summon() -> None:
    """Start the process and leave it to itself."""
    subprocess.Popen([sys.executable, "-m", "serving.server.pickle_check"], cwd=ROOT)


def testify(decisions: Decisions) -> None:
    """Load each pickle, and log as an error one that fails or answers otherwise."""
    for name in decisions.models():
        try:
            read = artefact.read(decisions.models_dir, name, decisions.current(name))
            contents = {file: content for file, content in read.contents.items() if file != ONNX}
            Engine(replace(read, contents=contents))
        except ArtefactError as error:
            log.error("%s", error)  # noqa: TRY400 - the message says it all
        else:
            log.info("%s: the pickle loads, and answers as it did when it was written", read)


if __name__ == "__main__":
    log_as_json()
    settings = Settings.from_environment()
    testify(Decisions(settings.models_dir, settings.decisions_dir))
