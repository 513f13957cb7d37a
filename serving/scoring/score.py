"""From a record batch to the same with predictions: what files and Spark both call."""

import math
import sys
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import types

from serving.errors import NotATable
from serving.formats.arrow.reading import ArrowReader
from serving.formats.arrow.writing import make_batch, make_schema
from serving.formats.batch import Batch, predict_batch
from serving.formats.predicted_columns import ColumnMaker, Made
from serving.inputs.shown import shown
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.models.output_arrays import to_arrays
from serving.models.predicted import Predicted
from serving.predicting.explaining import Explaining
from serving.scoring import Keep
from serving.scoring.options import Options


class Scorer:
    """Predicts record batches that have the columns of one schema.

    Parameters
    ----------
    data : pa.Schema
        Of the batches. They may have fewer columns, if those of `needed` are among them.
    keep : {"others", "all", "none"}
        Which columns come before the predictions: those that are not fields, all, or none.
    order : sequence of str, optional
        The columns that are kept, in the order that they are to have.

    Attributes
    ----------
    needed : list of str
        The columns that are fields, or kept.
    kept : list of pa.Field
        The columns that are kept, with their types in what is returned.
    schema : pa.Schema
        Of the batches that `score` returns.
    unused : list of str
        The columns that are not fields.

    Raises
    ------
    NotATable, InvalidRecords
        If the columns are not those of the model, or a column that is kept has the name of one of
        the predictions.
    """

    def __init__(
        self,
        engine: Engine,
        data: pa.Schema,
        *,
        keep: Keep = "others",
        order: Sequence[str] | None = None,
        explain: ExplainOptions | None = None,
        explaining: Explaining,
    ) -> None:
        self._engine, self._explain, self._explaining = engine, explain, explaining
        self._reader = ArrowReader(engine.schema, data)
        self.unused = self._reader.unused
        self._maker = ColumnMaker(engine.manifest, ids=False, explain=explain)
        others = {*self.unused}
        wanted = {"others": others, "all": {*data.names}, "none": set[str]()}[keep]
        kept = [name for name in data.names if name in wanted]
        _require_distinct(kept, self._maker.names)
        self.kept = [pa.field(name, plain(data.field(name).type)) for name in order or kept]
        fields = {*self._reader.columns.values()}
        self.needed = [name for name in data.names if name in fields | wanted]
        manifest = engine.manifest
        self.schema = make_schema(
            self._maker.names,
            self._maker.numbers,
            manifest.name,
            manifest.version,
            self.kept,
        )

    def score(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Predict the records of a batch, in order; a function of nothing else.

        A record that is invalid has its error in the column `error`, and null for a prediction.

        Raises
        ------
        NotATable
            If a text is not UTF-8.
        UnknownLabel
            If reasons are wanted for a label that the model does not have.
        """
        batch, made = predict_batch(self._reader.batch(0, records), self._predict)
        kept = [records.column(field.name).cast(field.type) for field in self.kept]
        return make_batch(self.schema, self._maker.make(batch, made), kept)

    def _predict(self, batch: Batch) -> Made:
        engine, rows, explain = self._engine, batch.rows, self._explain
        outputs = engine.outputs(rows.matrix)
        made = Made(to_arrays(outputs, engine.manifest))
        if not explain:
            return made
        predicted = Predicted(engine, [], rows, engine.decode(outputs))
        explanations = self._explaining.explained(predicted, explain).explanations
        return made._replace(explanations=explanations)


def make_scorer(
    engine: Engine, data: pa.Schema, options: Options, order: Sequence[str] | None = None
) -> Scorer:
    """Make a scorer by the options of a run, for any number of records."""
    return Scorer(
        engine,
        data,
        keep=options.keep,
        order=order,
        explain=options.explain,
        explaining=Explaining(options.samples, sys.maxsize, math.inf),
    )


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the type by which every program writes such values: one for texts, no dictionaries."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    return pa.binary() if types.is_large_binary(kind) else kind


def _require_distinct(kept: list[str], own: list[str]) -> None:
    """Raise NotATable if a column would be there twice; Spark takes no notice of case."""
    taken = {name.casefold() for name in own}
    for name in kept:
        if name.casefold() in taken:
            raise NotATable(
                f"the column {shown(name)} would be there twice, as predictions have one of this "
                "name; rename it, or leave out the columns of the records by --keep none"
            )
    if len({*kept}) < len(kept):
        twice = next(name for name in kept if kept.count(name) > 1)
        raise NotATable(f"the column {shown(twice)} is there twice; rename one, or --keep none")
