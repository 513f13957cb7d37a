"""Load each live model's pickle and log whether its predictions still match.

A version that is served from its forest or by ONNX Runtime needs no scikit-learn (120 MB, a second
to import). Its pickle is still the record of what was trained, and the fallback if neither can be
used. So it is checked at start-up too, in a separate process that the service does not wait for.
"""

import logging
import subprocess
import sys

from serving.errors import ArtefactError
from serving.log import log_as_json
from serving.models.engine import Engine
from serving.settings import ROOT, Settings
from serving.versions.decisions import Decisions

log = logging.getLogger("serving.server.pickle_check")


def start() -> None:
    """Start the check in a process of its own, without waiting for it."""
    subprocess.Popen([sys.executable, "-m", "serving.server.pickle_check"], cwd=ROOT)


def check(decisions: Decisions) -> None:
    """Load each pickle; log an error for one that does not load or predicts something else."""
    for name in decisions.models():
        try:
            read = decisions.read(name, decisions.live(name))
            Engine(read.without_compiled())
        except ArtefactError as error:
            log.error("%s", error)  # noqa: TRY400 - the message says it all
        else:
            log.info("%s: the pickle loads, and predicts what it did when it was written", read)


if __name__ == "__main__":
    log_as_json()
    settings = Settings.from_environment()
    check(Decisions.from_settings(settings))
