"""Free text among the fields: its words and pairs of words, by TF-IDF, for a model of numbers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from serving.inputs.field import Field
from train.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd

MOST, CELLS = 500, 5_000_000  # words of all texts, and how many numbers they are in all rows
FEWEST_ROWS, NEARLY_ALL = 2, 0.9  # in which a word stands, to tell anything
READ_AS = {"strip_accents": "unicode", "ngram_range": (1, 2), "sublinear_tf": True}

Vocabularies = Mapping[str, Sequence[str]]  # by the name of the field


def vocabularies(fields: Sequence[Field], frame: "pd.DataFrame") -> Vocabularies:
    """The words to look for in each free text: the most frequent ones.

    They are chosen before the rows are split, for they say nothing of the target, and every fold
    then has the same columns; how rare a word is, each fold learns for itself.

    Raises
    ------
    TrainingError
        If no word of a text stands in several rows.
    """
    names = [field.name for field in fields if field.type == "text"]
    most = min(MOST, CELLS // len(frame)) // max(1, len(names))
    found = {}
    for name in names:
        learner = TfidfVectorizer(
            max_features=most, min_df=FEWEST_ROWS, max_df=NEARLY_ALL, **READ_AS
        )
        try:
            learner.fit(frame[name].fillna(""))
        except ValueError:
            raise TrainingError(
                f"{name!r} has no word that stands in {FEWEST_ROWS} rows or more, and in less than "
                f"{NEARLY_ALL:.0%} of them: nothing can be learnt of it as text"
            ) from None
        found[name] = sorted(learner.vocabulary_)
    return found


def behind_words(model: Any, features: Sequence[Field], words: Vocabularies) -> Any:
    """A model of numbers that is given, behind all other features, a column for each word.

    Parameters
    ----------
    features : sequence of Field
        What rows hold; free text as it is.
    """
    if not words:
        return model
    texts = [at for at, field in enumerate(features) if field.type == "text"]
    others = [at for at in range(len(features)) if at not in texts]
    as_floats = FunctionTransformer(np.asarray, kw_args={"dtype": "float64"})
    parts = [
        ("others", as_floats, others),
        *((f"words {at}", _counted(words[features[at].name]), [at]) for at in texts),
    ]
    prepared = ColumnTransformer([part for part in parts if part[-1]], sparse_threshold=0)
    return Pipeline([("words", prepared), ("model", model)])


def given_to_model(features: Sequence[Field], words: Vocabularies) -> tuple[Field, ...]:
    """The features that the model behind the words is given."""
    others = [field for field in features if field.type != "text"]
    return (*others, *(Field(name=word) for found in words.values() for word in found))


def _counted(vocabulary: Sequence[str]) -> Pipeline:
    """From a column of texts, None where one is missing, to a column for each word."""
    return make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=None),
        FunctionTransformer(np.ravel),
        TfidfVectorizer(vocabulary=vocabulary, **READ_AS),
    )
