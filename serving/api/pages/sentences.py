"""What the monitor says in its reports and alerts, told in the reader's language.

The monitor writes English. Its sentences are parts with semicolons between, and the first may begin
with the name of a field; each is found in sentences.json by its wording.
"""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from markupsafe import Markup

from serving.api.pages.words import ENGLISH, Words

PORTUGUESE = msgspec.json.decode(
    Path(__file__).with_suffix(".json").read_bytes(), type=dict[str, str]
)
NAMES = re.compile(r"\\{(\w+)\\}")
FIGURE = re.compile(r"-?[\d.,]+(e[-+]?\d+)?( %)?")
WORDINGS = [
    (re.compile(NAMES.sub(r"(?P<\1>.+)", re.escape(wording))), said)
    for wording, said in PORTUGUESE.items()
]


def telling(words: Words) -> Callable[[str], str]:
    """What tells the monitor's sentences; one whose wording is not known is told in English."""
    if words.language == ENGLISH:
        return str
    return _in_portuguese


def _in_portuguese(sentence: str) -> str:
    parts = [_part(part) for part in sentence.split("; ") if part]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return Markup('<span lang="en">{}</span>').format(sentence)
    return "; ".join(known)


def _part(text: str) -> str | None:
    for wording, said in WORDINGS:
        if found := wording.fullmatch(text):
            return said.format(**{name: _value(each) for name, each in found.groupdict().items()})
    field, apart, says = text.rpartition(": ")
    told = _part(says) if apart else None
    return None if told is None else f"{field}: {told}"


def _value(text: str) -> str:
    """A figure or a term inside a sentence; anything else, as a label, stays what it is."""
    if FIGURE.fullmatch(text):
        return text.translate(str.maketrans(",.", ".,"))
    return _part(text) or text
