"""Explain predictions that are made, as many as a request may have explained."""

from typing import NamedTuple

from serving.errors import TooManyRecords
from serving.models.explanation import ExplainOptions
from serving.models.predicted import Predicted
from serving.settings import Settings


class Explaining(NamedTuple):
    """How predictions are explained.

    Attributes
    ----------
    samples : int
        How many orders of the fields are drawn for a model that has no exact explanation.
    max_records : int
        How many predictions of a request may be explained.
    """

    samples: int = Settings.explain_samples
    max_records: int = Settings.max_explained

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
        TooManyRecords
        """
        self.require_few(len(predicted.rows.matrix))
        engine, rows = predicted.engine, predicted.rows.matrix
        made = engine.explain(rows, predicted.predictions, options, self.samples)
        return predicted._replace(explanations=made)
