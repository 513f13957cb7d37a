"""The pages of trainings: a file is sent, its columns are looked at, a model is trained."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.pages.shown import Figures
from serving.api.pages.trained import trained
from serving.api.pages.words import Words, words
from serving.figures import ENGLISH
from serving.predicting.service import Service
from serving.sentence import Said
from serving.settings import Settings
from serving.trainings import requests
from serving.trainings.training import Kept, TrainingColumn
from serving.trainings.trainings import Trainings
from serving.trainings.worker import Starter

# What columns to be predicted are often called, without accents.
TARGETS = re.compile(
    "target|label|class|outcome|y|species|approved|churn|survived|diagnosis|price|quality"
    "|alvo|rotulo|classe|desfecho|decisao|especie|aprovado|aprovacao|diagnostico|preco|qualidade"
)
ACCENTS = str.maketrans("áàâãéêíóôõúç", "aaaaeeiooouc")
UNFIT = re.compile(r"[^a-z0-9]+")  # in the name of a model that is suggested
# What trainings write, by the templates in English.
WORDING: dict[str, str] = msgspec.json.decode(
    Path(requests.__file__).with_name("portuguese.json").read_bytes()
)


class Row(NamedTuple):
    """A column of the file, in the reader's language.

    Attributes
    ----------
    kind : str
        One of `kinds`: the types that may be chosen, with what each is called.
    values : str
        Its range, or its most frequent labels.
    """

    column: TrainingColumn
    kind: str
    kinds: dict[str, str]
    values: str


def blueprint(settings: Settings, *, frozen: bool) -> Blueprint:
    """Route of the page where a training begins."""
    routes = Blueprint("train", __name__)
    kept = Trainings(settings.trainings_dir)
    worker = Starter(settings, frozen=frozen)

    @routes.get("/train")
    @declares(None, scope="any", shows_allowed=True)
    def train() -> AnyResponse:
        allowed = may_train()
        return _page(
            "train.html",
            allowed=allowed,
            trainings=[each.training for each in kept.all()] if allowed else [],
            idle=_idle(worker, words(request)),
            max_bytes=settings.max_stream_bytes,
        )

    return routes


def may_train() -> bool:
    """Whether whoever sends the request may train: with the scope for all models."""
    return "admin" in caller().scopes and caller().models is None


def training_page(service: Service, kept: Kept, worker: Starter) -> Response:
    """Make the page of one training, as far as it is."""
    training, of_reader = kept.training, words(request)
    about: dict[str, Any] = {
        "says": partial(_says, of_reader, kept.said),
        "span": Figures(*of_reader).span,
    }
    if training.columns and training.has_file and training.state in {"ready", "failed"}:
        target = training.target or likely_target(training.columns)
        about |= {
            "rows": [_row(each, of_reader) for each in training.columns],
            "target": target,
            "choices": msgspec.to_builtins(training.choices),
            "name": training.name or suggested_name(training.file),
            "estimators": requests.estimators(),
            "models": [*service.registry.live],
        }
    elif training.state == "done":
        about |= trained(service, training)
    return _page("training.html", training=training, idle=_idle(worker, of_reader), **about)


def _page(template: str, **about: Any) -> Response:
    response = make_response(render_template(template, **about))
    response.headers["Cache-Control"] = "no-store"
    return response


def _says(of_reader: Words, said: Mapping[str, Said], text: str) -> Markup:
    """What a training wrote, in the reader's language as far as it is known what it is made of."""
    known = said.get(text)
    language, shown = of_reader.language, text
    if language != ENGLISH and known:
        shown = known.text(language, WORDING)
    else:
        language = ENGLISH
    return Markup('<span lang="{}">{}</span>').format(language, shown)


def _idle(worker: Starter, of_reader: Words) -> str:
    """Why nothing trains, and what to do; empty if something does."""
    why = worker.why_idle()
    return _says(of_reader, {why: why.said()}, why) if why else ""


def _row(column: TrainingColumn, words: Words) -> Row:
    """A number that is whole, and a yes or no, is called so, and may be chosen to be another."""
    t = words.t
    kinds = {
        "number": t("number"),
        "category": t("category"),
        "date": t("date"),
        "text": t("text"),
    }
    kind = {"integer": "number", "boolean": "category"}.get(column.type, column.type)
    if column.type == "integer":
        kinds["number"] = t("whole number")
    if column.type == "boolean":
        kinds["category"] = t("yes or no")
    return Row(column, kind, kinds, _values(column, words))


def _values(column: TrainingColumn, words: Words) -> str:
    if column.low is not None and column.high is not None:
        is_date = column.type == "date"
        low, high = (
            words.date(each) if is_date else words.number(each, 6)
            for each in (column.low, column.high)
        )
        return words.between(low, high)
    if column.type == "text" and column.distinct:
        count = words.number(column.distinct, 9)
        return words.t("{count} different {count:text|texts}", count=count)
    return column.values


def likely_target(columns: Sequence[TrainingColumn]) -> str:
    """The column that is probably to be predicted: by its name, or else the last that can be."""
    fit = [each for each in columns if each.used and each.type not in {"date", "text"}]
    for column in reversed(fit):
        if TARGETS.fullmatch(column.name.strip().lower().translate(ACCENTS)):
            return column.name
    return fit[-1].name if fit else columns[-1].name


def suggested_name(file: str) -> str:
    """A name for the model, made of that of the file.

    >>> suggested_name("Imóveis 2024 (final).csv"), suggested_name("…")
    ('imoveis-2024-final', 'model')
    """
    stem = file.rpartition(".")[0] or file
    return UNFIT.sub("-", stem.lower().translate(ACCENTS)).strip("-")[:60].strip("-") or "model"
