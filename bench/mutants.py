"""How many small errors in lines chosen at random the tests notice.

The fast tests are run once with coverage, so that for each line those that execute it are known.
The error is tried on these; where there is none, as for what only runs in another process or while
a module is imported, on all tests of the room. mutmut and cosmic-ray have no sample of lines: they
try every error, cosmic-ray each on all tests, which would take weeks here.
"""

import ast
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench.errors import BenchError
from bench.workload import ROOT

PATIENCE = 600  # seconds; an error that makes a test wait for ever is noticed too
FLIPPED = dict(
    zip(
        (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn),
        ("<=", "<", ">=", ">", "!=", "==", "is not", "is", "not in", "in"),
        strict=True,
    )
) | {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.And: "or", ast.Or: "and"}


class Mutant(NamedTuple):
    """The content of a file with an error in one line, and that line before and after."""

    content: str
    before: str
    after: str


def lines(root: Path) -> list[tuple[Path, int]]:
    """The lines of serving and train that an error can be made in."""
    files = sorted(path for room in ("serving", "train") for path in (root / room).rglob("*.py"))
    return [
        (file.relative_to(root), line)
        for file in files
        for line in sorted({node.lineno for node, _ in changes(file.read_text())})
    ]


def changes(source: str) -> list[tuple[ast.expr, str]]:
    """Each expression of one line that may be replaced, and what by."""
    nodes = [*ast.walk(ast.parse(source))]
    parts = [getattr(node, name, None) for node in nodes for name in ("annotation", "returns")]
    parts += [node for node in nodes if isinstance(node, ast.JoinedStr)]  # Python 3.11 misplaces it
    left_out = {part for whole in parts if whole for part in ast.walk(whole)}
    found = (_change(node) for node in nodes if node not in left_out)
    return [each for each in found if each and each[0].lineno == each[0].end_lineno]


def _change(node: ast.AST) -> tuple[ast.expr, str] | None:
    match node:
        case ast.If(test=old) | ast.While(test=old) | ast.IfExp(test=old):
            new = f"not ({ast.unparse(old)})"
        case ast.Return(value=ast.expr() as old) | ast.Expr(value=ast.Call() as old):
            new = "None"
        case ast.Constant(value=bool() as value) as old:
            new = str(not value)
        case ast.Constant(value=int() | float() as value) as old:
            new = repr(value + 1)
        case ast.UnaryOp(op=ast.Not(), operand=operand) as old:
            new = ast.unparse(operand)
        case (
            ast.Compare(left=left, ops=[operator], comparators=[right])
            | ast.BoolOp(op=operator, values=[left, right])
            | ast.BinOp(left=left, op=operator, right=right)
        ) as old if type(operator) in FLIPPED:
            new = f"({ast.unparse(left)}) {FLIPPED[type(operator)]} ({ast.unparse(right)})"
        case _:
            return None
    return old, new


def mutant(root: Path, file: Path, line: int, chance: random.Random) -> Mutant:
    """A file with one of the errors that can be made in a line."""
    source = (root / file).read_text()
    node, other = chance.choice([each for each in changes(source) if each[0].lineno == line])
    text = source.encode().splitlines(keepends=True)
    whole = text[line - 1]
    text[line - 1] = whole[: node.col_offset] + f"({other})".encode() + whole[node.end_col_offset :]
    return Mutant(
        b"".join(text).decode(), *(each.decode().strip() for each in (whole, text[line - 1]))
    )


def try_all(count: int, seed: int) -> Iterator[str]:
    """Make errors in so many lines, each in a copy of the project, and tell which are noticed."""
    chance = random.Random(seed)
    with TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder)
        _copy(root)
        covered = _coverage(root)
        noticed = 0
        for number, (file, line) in enumerate(chance.sample(lines(root), count), start=1):
            made = mutant(root, file, line, chance)
            by_line = covered.contexts_by_lineno(str(root / file))
            tests = sorted({re.split(r"[\[|]", each)[0] for each in by_line.get(line, ())} - {""})
            found = _notice(root, file, made.content, tests)
            noticed += found
            yield f"{number:3} {'noticed' if found else 'MISSED'} {file}:{line}: {made.before}"
            yield f"    {made.after}"
        yield f"{noticed} of {count} are noticed: {noticed / count:.0%}"


def _copy(root: Path) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)


def _pytest(root: Path, *arguments: str, seconds: float | None = None) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, cwd=root, **quiet, timeout=seconds, check=False).returncode
    return 1


def _coverage(root: Path) -> Any:
    """Which fast tests execute each line."""
    try:
        coverage = import_module("coverage")
        import_module("pytest_cov")
    except ImportError as error:
        raise BenchError("it needs .venv/bin/pip install pytest-cov") from error
    measured = ("--cov=serving", "--cov=train", "--cov-context=test", "--cov-report=")
    if _pytest(root, "-m", "not slow", "-n", "auto", "--dist", "loadfile", *measured):
        raise BenchError("the fast tests fail without any error made: mend that first")
    data = coverage.CoverageData(str(root / ".coverage"))
    data.read()
    return data


def _notice(root: Path, file: Path, content: str, tests: list[str]) -> bool:
    """Whether a test fails that executes the line, or any of its room if none is known."""
    whole = (root / file).read_text()
    room = Path("tests", file.parts[file.parts[0] == "serving"])
    chosen = ["-m", "not slow", *tests]
    if not tests:
        chosen = ["-n", "auto", str(room if (root / room).is_dir() else "tests")]
    (root / file).write_text(content)
    try:
        return _pytest(root, "-x", *chosen, seconds=PATIENCE) != 0
    finally:
        (root / file).write_text(whole)
