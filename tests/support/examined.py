"""What the doctor finds of an installation."""

import shutil
from collections.abc import Callable
from pathlib import Path

from servers import free_port

from serving.doctor import Finding

Examine = Callable[..., list[Finding]]


def wrong(findings: list[Finding]) -> list[tuple[str, str]]:
    """What has a warning or an error, after checking that each has a remedy."""
    others = [finding for finding in findings if finding.state != "ok"]
    assert all(finding.remedy for finding in others)
    return [(finding.about, finding.state) for finding in others]


def told(findings: list[Finding], about: str) -> str:
    return "; ".join(f.sentence for f in findings if f.about == about and f.state != "ok")


def small_installation(models: Path, var: Path) -> dict[str, str]:
    """The environment of a service of wine alone; the other models are removed."""
    for name in ("diabetes", "wine-score"):
        shutil.rmtree(models / name)
    own = {"MODELS_DIR": str(models), "VAR_DIR": str(var), "HOST": "127.0.0.1"}
    return own | {"PORT": str(free_port())}
