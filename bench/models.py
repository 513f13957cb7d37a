"""What many models cost the service, and what a trial costs."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import processes, wrk
from bench.server import Server, post, serving
from bench.targets import SERVICE, Target
from bench.workload import MODEL, workload

COUNTS = (1, 10, 100)
USED = (1, 10, 30)  # models that predict, one after the other; by default 20 are kept in memory
CONNECTIONS = 16


def many() -> Iterator[str]:
    """Start, memory, and the first request to each model, with many models in the folder."""
    for count in COUNTS:
        with TemporaryDirectory() as name:
            folder = Path(name)
            for number in range(count):
                copy(folder, "wine" if number == 0 else f"wine-{number}", 1)
            with serving(_with(folder), workload()) as server:
                time.sleep(count * 0.3)  # the pickles are loaded beside
                yield (
                    f"{count:4} models: {server.seconds_to_answer:.2f} s to the first answer, "
                    f"{processes.tree_pss_mb(server.pid):.0f} MB"
                )
                if count == max(COUNTS):
                    yield from _used(server)


def _used(server: Server) -> Iterator[str]:
    took: list[float] = []
    for used in USED:
        for number in range(len(took) + 1, used + 1):
            began = time.perf_counter()
            for _ in range(4):  # by new connections, which the workers take in turns
                post(server.port, f"/models/wine-{number}/predict", server.one.read_bytes())
            took.append((time.perf_counter() - began) / 2)
        yield (
            f"     {used:3} of them used: {processes.tree_pss_mb(server.pid):.0f} MB; "
            f"the first request to one takes {median(took) * 1000:.0f} ms"
        )


def trial(rounds: int, seconds: int) -> Iterator[str]:
    """Requests a second with a trial ÷ without, interleaved."""
    rates: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(rounds):
        for kind, found in rates.items():
            with TemporaryDirectory() as name:
                folder = Path(name)
                copy(folder, "wine", 1)
                copy(folder, "wine", 2)
                (folder / "wine" / "trial").write_text("2\n" if kind == "with" else "")
                with serving(_with(folder), workload()) as server:
                    time.sleep(3)  # until the pickle is loaded beside
                    load = {"connections": CONNECTIONS, "seconds": seconds}
                    found.append(wrk.run(server.one_url, server.one, **load).per_second)
    ratio = median(rates["with"]) / median(rates["without"])
    shown = {kind: [round(rate) for rate in found] for kind, found in rates.items()}
    yield f"requests/s {shown}; with ÷ without {ratio:.3f}"


def copy(folder: Path, name: str, version: int) -> None:
    """The wine model under another name or version."""
    target = folder / name / str(version)
    shutil.copytree(MODEL, target)
    manifest = json.loads((target / "model.json").read_text())
    (target / "model.json").write_text(json.dumps(manifest | {"name": name, "version": version}))
    (folder / name / "current").write_text("1\n")


def _with(models: Path) -> Target:
    return replace(SERVICE, settings={**SERVICE.settings, "MODELS_DIR": str(models)})
