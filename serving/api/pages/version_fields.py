"""What a version takes and predicts otherwise than another, in words."""

from collections.abc import Iterator, Sequence

from serving.api.pages.words import UNKNOWN, Words
from serving.inputs.field import Field
from serving.models.manifest import Manifest


def changes(now: Manifest, before: Manifest, words: Words) -> list[tuple[str, str]]:
    """Each change: the field or the target, and what is different; none if nothing is."""
    return [*_of_target(now, before, words), *_of_fields(now.fields, before.fields, words)]


def _of_target(now: Manifest, before: Manifest, words: Words) -> Iterator[tuple[str, str]]:
    t, found = words.t, []
    if now.target != before.target:
        found.append(_became(t("target"), before.target, now.target))
    if now.task != before.task:
        names = {"classification": t("classification"), "regression": t("regression")}
        found.append(_became(t("task"), names[before.task], names[now.task]))
    if now.unit != before.unit:
        found.append(_became(t("unit"), before.unit, now.unit))
    found += _labels(now.classes, before.classes, words)
    if found:
        yield now.target, "; ".join(found)


def _of_fields(
    now: Sequence[Field], before: Sequence[Field], words: Words
) -> Iterator[tuple[str, str]]:
    t, was = words.t, {field.name: field for field in before}
    for field in now:
        if field.name not in was:
            needed = t("may be missing") if field.optional else t("must be sent")
            yield field.name, f"{t('added')}: {_type(field, words)}, {needed}"
        elif found := "; ".join(_of_field(field, was.pop(field.name), words)):
            yield field.name, found
    for name in was.keys() - {field.name for field in now}:
        yield name, t("removed")


def _of_field(now: Field, before: Field, words: Words) -> Iterator[str]:
    t = words.t
    if now.type != before.type:
        yield _became(t("type"), _type(before, words), _type(now, words))
    if now.unit != before.unit:
        yield _became(t("unit"), before.unit, now.unit)
    if now.optional != before.optional:
        yield t("may be missing") if now.optional else t("must be sent")
    yield from _labels(now.categories, before.categories, words)
    if now.other != before.other:
        yield _became(t("label of unknown labels"), before.other, now.other)
    if now.type == before.type:
        if (now.minimum, now.maximum) != (before.minimum, before.maximum):
            yield _became(t("allowed"), words.allowed(before), words.allowed(now))
        if now.seen != before.seen and now.type != "boolean":
            yield _became(t("in training"), words.seen(before), words.seen(now))


def _labels(now: Sequence[str], before: Sequence[str], words: Words) -> Iterator[str]:
    t = words.t
    if added := [each for each in now if each not in before]:
        yield f"{t('new labels')}: {', '.join(added)}"
    if gone := [each for each in before if each not in now]:
        yield f"{t('labels removed')}: {', '.join(gone)}"
    if not added and not gone and tuple(now) != tuple(before):
        yield t("its labels have another order, and so other codes")


def _became(title: str, before: str, now: str) -> str:
    return f"{title}: {before or UNKNOWN} → {now or UNKNOWN}"


def _type(field: Field, words: Words) -> str:
    t = words.t
    return {
        "number": t("number"),
        "integer": t("whole number"),
        "boolean": t("yes or no"),
        "category": t("category"),
        "date": t("date"),
        "text": t("text"),
    }[field.type]
