"""Explanations with fewer contributions, whose sum is in the rest."""

from collections.abc import Collection
from typing import TypeVar

import msgspec
from msgspec import UnsetType

from serving.models.explaining.explanation import ClassExplanation, Explanation, total

Parts = TypeVar("Parts", Explanation, ClassExplanation)


def without_fields(explanation: Explanation, kept_out: Collection[str]) -> Explanation:
    """Return an explanation without some fields, whose contributions are in the rest then."""
    kept, others = _without(explanation, kept_out), explanation.others
    if not isinstance(kept.reasons, UnsetType):
        left = [each for each in kept.reasons if each.code not in kept_out]
        kept = msgspec.structs.replace(kept, reasons=left)
    if isinstance(others, UnsetType):
        return kept
    return msgspec.structs.replace(kept, others=[_without(each, kept_out) for each in others])


def shortened(explanation: Explanation, top: int | None) -> Explanation:
    """Return an explanation of all fields with only the largest contributions of each output."""
    if top is None:
        return explanation
    kept, others = _largest(explanation, top), explanation.others
    if isinstance(others, UnsetType):
        return kept
    return msgspec.structs.replace(kept, others=[_largest(each, top) for each in others])


def _largest(parts: Parts, top: int) -> Parts:
    if isinstance(parts.contributions, UnsetType):
        return parts
    listed = parts.contributions
    return msgspec.structs.replace(parts, contributions=listed[:top], rest=total(listed[top:]))


def _without(parts: Parts, kept_out: Collection[str]) -> Parts:
    if isinstance(parts.contributions, UnsetType):
        return parts
    out = [each for each in parts.contributions if each.field in kept_out]
    if not out:
        return parts
    rest = 0.0 if isinstance(parts.rest, UnsetType) else parts.rest
    kept = [each for each in parts.contributions if each.field not in kept_out]
    return msgspec.structs.replace(parts, contributions=kept, rest=rest + total(out))
