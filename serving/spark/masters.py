"""Where Spark runs, by the address of its master."""

import re
import socket

from serving.errors import RunRefused

KNOWN = re.compile(r"local(\[.+\])?|local-cluster\[\d+,\d+,\d+\]|spark://.+|yarn|k8s://.+")
SECONDS = 5.0  # until a master that does not respond is reported


def require_reachable(master: str) -> None:
    """Check that a master can be used: Spark itself tries for a minute, and then fails in Java.

    Raises
    ------
    RunRefused
    """
    if master.startswith("sc://"):
        raise RunRefused(
            f"{master}: Spark Connect takes DataFrames alone: serving.spark.predict, as "
            "docs/spark.md shows; name the master itself, as spark://HOST:7077"
        )
    if not KNOWN.fullmatch(master):
        raise RunRefused(
            f"{master} is no master of Spark; write spark://HOST:7077, local[4], yarn or k8s://…"
        )
    if not master.startswith("spark://"):
        return
    reasons = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        except (OSError, ValueError, OverflowError) as error:
            reasons.append(f"{address}: {getattr(error, 'strerror', None) or error}")
        else:
            return
    raise RunRefused(f"{master} cannot be reached: {'; '.join(reasons)}")
