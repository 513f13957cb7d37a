"""What the doctor finds of an installation."""

from collections.abc import Callable

from serving.doctor import Finding

Examine = Callable[..., list[Finding]]


def wrong(findings: list[Finding]) -> list[tuple[str, str]]:
    """What has a warning or an error, after checking that each has a remedy."""
    others = [finding for finding in findings if finding.state != "ok"]
    assert all(finding.remedy for finding in others)
    return [(finding.about, finding.state) for finding in others]


def told(findings: list[Finding], about: str) -> str:
    return "; ".join(f.sentence for f in findings if f.about == about and f.state != "ok")
