"""Versions that are broken, each in a way of its own, and what is said of them."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving.models.artefact import ONNX, PICKLE, REFERENCE
from serving.models.model_folder import MANIFEST


def edit(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes())) and None


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated pickle": (edit(PICKLE, lambda content: content[:-1]), f"{PICKLE} is not the file"),
    "altered ONNX": (edit(ONNX, lambda content: content + b" "), f"{ONNX} is not the file"),
    "altered reference": (edit(REFERENCE, lambda _: b"{}"), f"{REFERENCE} is not the file"),
    "missing pickle": (lambda folder: (folder / PICKLE).unlink(), "No such file"),
    "missing manifest": (lambda folder: (folder / MANIFEST).unlink(), "No such file"),
    "missing folder": (lambda folder: folder.rename(folder.parent / "9"), "No such file"),
    "manifest not JSON": (edit(MANIFEST, lambda content: content[:100]), "malformed|truncated"),
    "manifest of another shape": (edit(MANIFEST, lambda _: b'{"name": 1}'), "Expected `str`"),
    "manifest of another version": (
        edit(MANIFEST, lambda content: content.replace(b'"version": ', b'"version": 7')),
        "is of wine 7",
    ),
    "manifest that lists no pickle": (
        edit(MANIFEST, lambda content: content.replace(b'"model.pkl"', b'"model.onnx"')),
        "is not the file|lists no",
    ),
}


def spoil(_: Any, contents: dict[str, bytes]) -> None:
    contents[PICKLE] = pickle.dumps(print)[:-1]
