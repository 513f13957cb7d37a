"""What all apps that tests make have in common, computed once: it is most of what an app takes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from werkzeug.routing import Rule

from serving.models import forest
from serving.models.explaining import forest as explaining

_compile = Rule._compile_builder  # noqa: SLF001 - it depends on what is in the key alone
_compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}


_parse = Rule._parse_rule  # noqa: SLF001 - likewise, while no converter depends on its map
_parsed: dict[str, tuple[Any, ...]] = {}


def _parse_once(rule: Rule, text: str) -> list[Any]:
    """Parse a rule, or give another the parts and the names that parsing the same one gave."""
    if text not in _parsed:
        before = len(rule._trace)  # noqa: SLF001
        parts = [*_parse(rule, text)]
        _parsed[text] = (parts, rule._trace[before:], dict(rule._converters))  # noqa: SLF001
        return parts
    parts, trace, converters = _parsed[text]
    rule._trace += trace  # noqa: SLF001
    rule._converters |= converters  # noqa: SLF001
    rule.arguments |= {*converters}
    return [*parts]


def _compile_once(rule: Rule, append_unknown: bool) -> Callable[..., Any]:
    key = (rule.rule, *rule._trace, str(rule.defaults), append_unknown)  # noqa: SLF001
    if key not in _compiled:
        _compiled[key] = _compile(rule, append_unknown)
    return _compiled[key]


def compile_routes_once() -> None:
    Rule._compile_builder = _compile_once  # noqa: SLF001
    Rule._parse_rule = _parse_once  # noqa: SLF001


def read_trees_once() -> None:
    """Keep the tables that were read last; what is read depends on a file's bytes alone."""
    forest.read = explaining.read = lru_cache(maxsize=8)(forest.read)
