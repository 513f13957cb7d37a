"""The table of versions side by side: their metrics, and where each came from."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from serving.api.pages.html import time_element
from serving.api.pages.words import UNKNOWN, Words
from serving.models import forest
from serving.models.artefact import FOREST, ONNX
from serving.models.card import Card
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.versions.decision import Decision
from serving.versions.gate import judged

SHORT = 12  # digits of a sha256


class Side(NamedTuple):
    """A version beside others.

    Attributes
    ----------
    backend : str or None
        What predicts, if it is loaded.
    made : Decision or None
        Who had it trained, and why, if that is recorded.
    """

    manifest: Manifest
    card: Card
    reference: Reference
    backend: str | None
    made: Decision | None

    @property
    def version(self) -> int:
        """Its number."""
        return self.manifest.version


class Cell(NamedTuple):
    """A value of a version; `verdict` is better, worse or alike, of a metric beside the base's."""

    text: str
    verdict: str = ""
    language: str | None = None


class Row(NamedTuple):
    """A value of each version; one cell for all where they are equal."""

    title: str
    cells: list[Cell]
    note: str = ""


def rows(sides: Sequence[Side], base: Side, words: Words) -> list[Row]:
    """Every row, those of metrics first."""
    return [*_metrics(sides, base, words), *_facts(sides, words)]


def _metrics(sides: Sequence[Side], base: Side, words: Words) -> Iterator[Row]:
    for name in dict.fromkeys(name for each in sides for name in each.manifest.metrics):
        cells = []
        for each in sides:
            figure = each.manifest.metrics.get(name)
            beside = base.manifest.metrics.get(name)
            if figure is None:
                cells.append(Cell(UNKNOWN))
                continue
            verdict = judged(name, figure, beside) if beside and each is not base else ""
            shown = f"{words.number(figure.mean)} ± {words.number(figure.spread, 2)}"
            cells.append(Cell(shown, verdict))
        yield Row(words.metric(name), cells, words.better(name))


def _facts(sides: Sequence[Side], words: Words) -> Iterator[Row]:
    t = words.t
    every: list[tuple[str, Callable[[Side], Cell]]] = [
        (t("trained"), lambda each: Cell(time_element(each.manifest.created))),
        (t("how it was made"), lambda each: Cell(_origin(each, words))),
        (t("why"), lambda each: Cell(each.made.why if each.made else "", language="en")),
        (t("title"), lambda each: Cell(each.manifest.title, language="en")),
        (t("estimator"), lambda each: Cell(_estimator(each.card), language="en")),
        (t("decision threshold"), lambda each: Cell(_threshold(each.manifest, words))),
        (t("prediction interval"), lambda each: Cell(_interval(each.manifest, words))),
        (t("data"), lambda each: Cell(each.manifest.data.source, language="en")),
        (t("rows"), lambda each: Cell(_rows(each.manifest, words))),
        ("sha256", lambda each: Cell(each.manifest.data.sha256[:SHORT] or UNKNOWN)),
        (t("evaluation"), lambda each: Cell(each.manifest.evaluation, language="en")),
        (t("predicted by"), lambda each: Cell(_backend(each, words))),
    ]
    for title, cell in every:
        cells = [cell(each) for each in sides]
        if any(each.text for each in cells):
            cells = [each if each.text else Cell(UNKNOWN) for each in cells]
            yield Row(title, cells[:1] if len({*cells}) == 1 else cells)


def _origin(side: Side, words: Words) -> str:
    t, data = words.t, side.manifest.data
    live = words.number(data.live.rows, 9) if data.live else ""
    if data.is_unknown:
        return (
            t("imported by {who}", who=words.person(side.made.who)) if side.made else t("imported")
        )
    by = t("trained")
    if side.made:
        by = t("trained by {who}", who=words.person(side.made.who))
    return f"{by}, {t('with {rows} live {rows:row|rows}', rows=live)}" if live else by


def _estimator(card: Card) -> str:
    return card.estimator or (card.choice.chosen if card.choice else "")


def _threshold(manifest: Manifest, words: Words) -> str:
    found = manifest.threshold
    return f"P({found.label}) ≥ {words.share(found.value)}" if found else ""


def _interval(manifest: Manifest, words: Words) -> str:
    found = manifest.interval
    if not found:
        return ""
    return words.t(
        "{coverage} of the actual values; {observed} on held-out rows",
        coverage=words.share(found.coverage),
        observed=words.share(found.observed),
    )


def _rows(manifest: Manifest, words: Words) -> str:
    data = manifest.data
    every = words.number(data.rows, 9)
    if not data.live:
        return every
    return words.t("{rows}, {live} of them live", rows=every, live=words.number(data.live.rows, 9))


def _backend(side: Side, words: Words) -> str:
    """What predicts; of a version that is not loaded, what would by its files."""
    names = {"forest": words.t("table of trees"), "onnx": "ONNX", "pickle": "pickle"}
    if side.backend:
        return names[side.backend]
    files = side.manifest.files
    if FOREST in files and forest.is_available():
        return names["forest"]
    return names["onnx" if ONNX in files else "pickle"]
