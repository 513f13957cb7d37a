"""Requests written byte by byte, and what they cost the workers."""

import json

from conftest import wine
from servers import Server, proc, workers

MB = 2**20
RECORD = json.dumps(wine()).encode()
HEADER = ",".join(wine()).encode()
ROW = ",".join(map(str, wine().values())).encode()
CSV = b"Content-Type: text/csv\r\n"


def head(path: bytes, *headers: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (path, b"".join(headers))


def length(count: int) -> bytes:
    return b"Content-Length: %d\r\n" % count


def memory(server: Server) -> int:
    """Bytes that the workers have in memory, beside what they share."""
    lines = [
        line
        for pid in workers(server.process.pid)
        for line in (proc(pid) / "smaps_rollup").read_text().splitlines()
    ]
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
