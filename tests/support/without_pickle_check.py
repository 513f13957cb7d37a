"""gunicorn's configuration of the service, but its pickles are not checked: that takes seconds."""

from pathlib import Path

from serving.server import pickle_check

pickle_check.start = lambda: None
exec(Path("gunicorn.conf.py").read_text())
