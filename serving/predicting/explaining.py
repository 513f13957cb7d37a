"""Explain predictions, as many as a request may have explained."""

from collections.abc import Sequence
from typing import NamedTuple

from serving.errors import TooManyRecords, UnknownLabel
from serving.inputs.shown import listed, shown
from serving.models.explaining.explanation import ExplainOptions, Explanation
from serving.models.manifest import Manifest
from serving.models.outputs import Predictions
from serving.models.predicted import Predicted
from serving.predicting.in_words import in_words
from serving.settings import Settings


class Explaining(NamedTuple):
    """How predictions are explained.

    Attributes
    ----------
    samples : int
        How many orders of the fields are drawn for a model that has no exact explanation.
    max_records : int
        How many predictions of a request may be explained.
    seconds : float
        How long the explanations of predictions that are made together may take by sampling.
    """

    samples: int = Settings.explain_samples
    max_records: int = Settings.max_explained
    seconds: float = Settings.explain_seconds

    def require_few(self, records: int) -> None:
        """Check that so many records may be explained in one request.

        Raises
        ------
        TooManyRecords
        """
        if records > self.max_records:
            raise TooManyRecords(
                f"{records} or more records to explain; send at most {self.max_records} at once, "
                "or use `adega predict --explain`, which takes any number"
            )

    def explained(self, predicted: Predicted, options: ExplainOptions) -> Predicted:
        """Return predictions with their explanations.

        Raises
        ------
        TooManyRecords, UnknownLabel
        """
        self.require_few(len(predicted.rows.matrix))
        _require_label(predicted.engine.manifest, options)
        engine, rows, predictions = predicted.engine, predicted.rows.matrix, predicted.predictions
        if not options.language:
            made = engine.explain(rows, predictions, options, self.samples, self.seconds)
            return predicted._replace(explanations=made)
        whole = options._replace(top=None)  # a reason may be none of the largest contributions
        made = engine.explain(rows, predictions, whole, self.samples, self.seconds)
        worded = _in_words(made, engine.manifest, predictions, options)
        return predicted._replace(explanations=worded)


def _require_label(manifest: Manifest, options: ExplainOptions) -> None:
    """Raise UnknownLabel if reasons are requested for a label that the model never predicts."""
    label, classes = options.reasons_for, manifest.classes
    if label and label not in classes:
        known = f"its labels are {listed(classes)}" if classes else "it predicts numbers"
        raise UnknownLabel(f"reasons_for: {manifest.name} does not predict {shown(label)}; {known}")


def _in_words(
    made: Sequence[Explanation],
    manifest: Manifest,
    predictions: Predictions,
    options: ExplainOptions,
) -> list[Explanation]:
    values, chances = predictions.values, predictions.probabilities
    places = [manifest.classes.index(value) if chances else 0 for value in values]
    return [
        in_words(
            each,
            manifest,
            options,
            predicted=values[row],
            probability=chances[row][places[row]] if chances else None,
        )
        for row, each in enumerate(made)
    ]
