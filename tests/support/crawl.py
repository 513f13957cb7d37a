"""Follows every link, script, style and image of pages, and what their data name."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "form": "action"}
IMPORTS = re.compile(r'^import [^"]*"([^"]+)"', re.MULTILINE)
PATHS = re.compile(r'"(?:card|predict)":\s*"(/[^"]+)"')  # in JSON
MAX = 500


class Got(NamedTuple):
    """What a GET was answered, with the names of headers in lower case."""

    status: int
    headers: dict[str, str]
    text: str


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.found += [given[name] for name in (LINKS.get(tag), "data-document") if given.get(name)]


def crawl(get: Callable[[str], Got], start: str) -> set[str]:
    """Open a path and all that it leads to on the same host; return the paths that were opened.

    Each has to answer 200; a redirect is followed.
    """
    opened: set[str] = set()
    left = [start]
    while left:
        path = left.pop()
        if path in opened:
            continue
        opened.add(path)
        assert len(opened) < MAX
        got = get(path)
        assert got.status in {200, 302, 308}, (got.status, path, got.text[:300])
        left += [_joined(path, each) for each in _found(got) if _is_here(each)]
    return opened


def _found(got: Got) -> list[str]:
    found = [got.headers[name] for name in ("location",) if name in got.headers]
    if "link" in got.headers:
        found += re.findall("<([^>]+)>", got.headers["link"])
    kind = got.headers.get("content-type", "")
    if "text/html" in kind:
        page = _Links()
        page.feed(got.text)
        found += page.found + PATHS.findall(got.text)
    elif "javascript" in kind:
        found += IMPORTS.findall(got.text)
    elif "application/json" in kind:
        found += PATHS.findall(got.text)
    return found


def _is_here(link: str) -> bool:
    return not link.startswith(("data:", "blob:", "#")) and not urlsplit(link).netloc


def _joined(path: str, link: str) -> str:
    return urljoin(path, link).partition("#")[0]
