"""From a DataFrame of Spark to the same with predictions."""

import warnings
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import LANGUAGES, ExplainOptions
from serving.scoring import Keep
from serving.scoring.options import Options
from serving.settings import Settings
from serving.spark.origin import choose, offer
from serving.spark.sent import sent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BATCHES = "serving.spark.batches"  # what runs on executors


def predict(
    dataframe: "DataFrame",
    model: str,
    *,
    models_url: str | None = None,
    version: int | None = None,
    keep: Keep = "others",
    explain: bool | int = False,
    language: str = "",
    reasons_for: str = "",
) -> "DataFrame":
    """Predict the records of a DataFrame, when Spark computes it.

    The version is chosen now: what is promoted afterwards changes nothing.

    Parameters
    ----------
    model : str
    models_url : str, optional
        The object store that the driver and each executor fetch the version from; as in the setting
        `MODELS_URL`, which holds if it is not given. Without either, the version is read from the
        folder `MODELS_DIR` of the driver, and Spark takes it to the executors.
    version : int, optional
        The live one, if not given.
    keep : {"others", "all", "none"}
        The columns of the records that come before the predictions: those that are not fields of
        the model, all, or none.
    explain : bool or int
        Whether each prediction is explained: by the contributions of all fields, or by as many of
        the largest.
    language : {"en", "pt"}
        Explains in sentences as well.
    reasons_for : str
        The label that reasons are given for where it is predicted; needs a language.

    Returns
    -------
    DataFrame
        With the columns of `adega predict`. A record that is invalid has an error, and no
        prediction.

    Raises
    ------
    NotATable, InvalidRecords
        If the columns are not those of the model.
    UnknownModel, UnknownVersion, ArtefactError, ObjectStoreError
    ValueError
        If an option has no such value.
    """
    settings = Settings.from_environment()
    url = settings.models_url if models_url is None else models_url
    if keep not in get_args(Keep):
        raise ValueError(f"keep is {keep!r}; choose one of {', '.join(get_args(Keep))}")
    chosen = _explain_options(explain=explain, language=language, reasons_for=reasons_for)
    options = Options.of(keep, chosen, settings.explain_samples)
    return _with_predictions(dataframe, choose(settings, url, model, version), url, options)


def _explain_options(
    *, explain: bool | int, language: str, reasons_for: str
) -> ExplainOptions | None:
    if reasons_for and not language:
        raise ValueError("reasons_for needs a language")
    if language and language not in LANGUAGES:
        raise ValueError(f"language is {language!r}; choose one of {', '.join(LANGUAGES)}")
    if explain is False and not language:
        return None
    chosen = ExplainOptions.read("" if isinstance(explain, bool) else str(explain))
    return chosen._replace(language=LANGUAGES.get(language, ""), reasons_for=reasons_for)


def _with_predictions(
    dataframe: "DataFrame", read: Artefact, url: str, options: Options
) -> "DataFrame":
    # They need what the service may lack.
    from pyspark.sql.types import (  # noqa: PLC0415
        DoubleType,
        StringType,
        StructField,
        StructType,
    )

    from serving.scoring.score import make_scorer  # noqa: PLC0415
    from serving.spark.batches import Order  # noqa: PLC0415

    spark: Any = dataframe.sparkSession
    data = spark.createDataFrame([], dataframe.schema).toArrow().schema  # nothing is read
    scorer = make_scorer(Engine(read), data, options)
    kept = [field.name for field in scorer.kept]
    own = [*scorer.schema][len(kept) :]
    schema = StructType(
        [dataframe.schema[name] for name in kept]
        + [
            StructField(field.name, StringType() if field.type == "string" else DoubleType())
            for field in own
        ]
    )
    origin = offer(read, url, lambda file: spark.addArtifacts(file, file=True))
    order = msgspec.json.encode(Order(origin, options, scorer.needed, kept))
    columns = [
        dataframe[_quoted(name)].alias(f"c{place}") for place, name in enumerate(scorer.needed)
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*pandas >= 3", FutureWarning)  # pandas has no part here
        return dataframe.select(columns).mapInArrow(sent(BATCHES, order), schema)


def _quoted(name: str) -> str:
    """Return a name as Spark looks it up, whatever signs it has."""
    escaped = name.replace("`", "``")
    return f"`{escaped}`"
