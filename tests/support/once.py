"""What all apps that tests make have in common, computed once: it is most of what an app takes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from werkzeug.routing import Rule

from serving.models import forest
from serving.models.explaining import forest as explaining

_compile = Rule._compile_builder  # noqa: SLF001 - it depends on what is in the key alone
_compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}


def _compile_once(rule: Rule, append_unknown: bool) -> Callable[..., Any]:
    key = (rule.rule, *rule._trace, str(rule.defaults), append_unknown)  # noqa: SLF001
    if key not in _compiled:
        _compiled[key] = _compile(rule, append_unknown)
    return _compiled[key]


def compile_routes_once() -> None:
    Rule._compile_builder = _compile_once  # noqa: SLF001


def read_trees_once() -> None:
    """Keep the tables that were read last; what is read depends on a file's bytes alone."""
    forest.read = explaining.read = lru_cache(maxsize=8)(forest.read)
