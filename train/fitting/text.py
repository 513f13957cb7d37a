"""Free text among the fields: its words and pairs of words as numbers, by TF-IDF."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from serving.inputs.field import Field
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables.options import quoted

if TYPE_CHECKING:
    import pandas as pd

MAX_WORDS, MAX_CELLS = 500, 5_000_000  # of all texts; words times rows
MIN_ROWS, MAX_SHARE = 2, 0.9  # of the rows that a word is in
READ_AS = {"strip_accents": "unicode", "ngram_range": (1, 2), "sublinear_tf": True}

Vocabularies = Mapping[str, Sequence[str]]  # by the name of the field


def vocabularies(fields: Sequence[Field], frame: "pd.DataFrame") -> Vocabularies:
    """The words to look for in each free text: the most frequent ones.

    They are chosen before the rows are split, because they do not depend on the target, so that
    every fold has the same columns; how rare a word is, is computed in each fold.

    Raises
    ------
    TrainingError
        If no word of a text is in several rows.
    """
    names = [field.name for field in fields if field.type == "text"]
    max_words = min(MAX_WORDS, MAX_CELLS // len(frame)) // max(1, len(names))
    found = {}
    for name in names:
        vectorizer = TfidfVectorizer(
            max_features=max_words, min_df=MIN_ROWS, max_df=MAX_SHARE, **READ_AS
        )
        try:
            vectorizer.fit(frame[name].fillna(""))
        except ValueError:
            raise TrainingError(
                Sentence(
                    "{name!r} has no word that is in at least {least} rows and at most "
                    "{most:.0f} % of them, so it cannot be used as text: train without --text "
                    "{option}",
                    name=name,
                    least=MIN_ROWS,
                    most=100 * MAX_SHARE,
                    option=quoted(name),
                )
            ) from None
        found[name] = sorted(vectorizer.vocabulary_)
    return found


def with_words(model: Any, features: Sequence[Field], words: Vocabularies) -> Any:
    """A model that is given a column for each word, after all other features.

    Parameters
    ----------
    features : sequence of Field
        The columns of the rows, free text included.
    """
    if not words:
        return model
    texts = [at for at, field in enumerate(features) if field.type == "text"]
    others = [at for at in range(len(features)) if at not in texts]
    as_floats = FunctionTransformer(np.asarray, kw_args={"dtype": "float64"})
    parts = [
        ("others", as_floats, others),
        *((f"words {at}", _word_columns(words[features[at].name]), [at]) for at in texts),
    ]
    prepared = ColumnTransformer([part for part in parts if part[-1]], sparse_threshold=0)
    return Pipeline([("words", prepared), ("model", model)])


def features_with_words(features: Sequence[Field], words: Vocabularies) -> tuple[Field, ...]:
    """The features that the model is given, words included."""
    others = [field for field in features if field.type != "text"]
    return (*others, *(Field(name=word) for found in words.values() for word in found))


def _word_columns(vocabulary: Sequence[str]) -> Pipeline:
    """From a column of texts, None where one is missing, to a column for each word."""
    return make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=None),
        FunctionTransformer(np.ravel),
        TfidfVectorizer(vocabulary=vocabulary, **READ_AS),
    )
