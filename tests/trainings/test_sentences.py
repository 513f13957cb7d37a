"""All that a training writes for people has its Portuguese."""

import ast
import json
import re
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
from conftest import ROOT

from serving.formats import recognised
from serving.sentence import Said, Sentence

PORTUGUESE = json.loads((ROOT / "serving/trainings/portuguese.json").read_text(encoding="utf-8"))
SOURCES = [*(ROOT / "train").rglob("*.py"), *(ROOT / "serving").rglob("*.py")]
# What only the command line does.
COMMANDS = re.compile(r"train/(?:commands|importing|exporting|cluster|tables/(?:files|parquet)\b)")
FIELD = re.compile(r"\{\w+(?:!r)?(?::[^|}]*)?\}")  # but no words for a number
READ_FOR_TRAINING = re.compile(r"train/|serving/(?:formats/workbook|inputs/(?:tables|lines)\b)")
WORD = re.compile(r"[a-z]{2}")


def calls(file: Path, *names: str) -> list[ast.expr]:
    """The first arguments of the calls of functions in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [
        each.args[0]
        for each in ast.walk(tree)
        if isinstance(each, ast.Call)
        and each.args
        and getattr(each.func, "id", getattr(each.func, "attr", "")) in names
    ]


def values_of(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", template))


def test_each_sentence_has_its_portuguese_and_no_translation_is_unused():
    found = [each for file in SOURCES for each in calls(file, "Sentence", "_remark")]
    templates = {each.value for each in found if isinstance(each, ast.Constant)}
    kinds = (*recognised.PATTERNS.values(), recognised.BINARY, recognised.DAMAGED_ZIP)
    terms = {*chain.from_iterable(kinds), *recognised.DOCUMENTS.values()}
    written = {each for each in templates if WORD.search(FIELD.sub("", each))} | terms
    assert written == PORTUGUESE.keys()
    for english, portuguese in PORTUGUESE.items():
        assert values_of(portuguese) - {"texts"} <= values_of(english), english


def test_what_a_training_on_a_file_refuses_is_a_sentence_with_its_values():
    for file in SOURCES:
        path = file.relative_to(ROOT).as_posix()
        if READ_FOR_TRAINING.match(path) and not COMMANDS.match(path):
            for message in calls(file, "TrainingError", "NotATable", "now"):
                assert not isinstance(message, ast.JoinedStr | ast.Constant), ast.unparse(message)


def test_numbers_words_for_them_and_sentences_within_follow_the_language():
    cell = Sentence("{text!r} ({rows:line|lines} {lines})", text="1.5", rows=1, lines=["7"])
    more = Sentence("{cells} and {more:,} more", cells=[cell], more=np.int64(1234))
    sentence = Sentence(
        "{name!r}: {cells} {count:counts|count} as missing", name="a", cells=more, count=2
    )
    assert sentence == "'a': '1.5' (line 7) and 1,234 more count as missing"
    said = msgspec.json.decode(msgspec.json.encode(sentence.said()), type=Said)
    assert (
        said.text("pt-BR", PORTUGUESE) == "'a': '1.5' (linha 7) e mais 1.234 contam como faltantes"
    )
    assert said.text() == sentence
    one = Sentence("it has one value only, {value:.12g}", value=np.float64(1.5))
    assert msgspec.json.decode(msgspec.json.encode(one.said()), type=Said) == one.said()
