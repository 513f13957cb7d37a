"""The fields and labels that a model's predictions have, also those of versions that are gone."""

import msgspec
import sqlalchemy as sql

from serving.recording.store.database import Database

MAX_LABELS = 100

_LAYOUTS = sql.text("SELECT number, fields FROM layouts")
_HAS_LAYOUT = sql.text(
    "SELECT 1 FROM predictions WHERE model = :model AND layout IN :numbers LIMIT 1"
).bindparams(sql.bindparam("numbers", expanding=True))
# Each label by a look into the index of labels, whose condition is as it is there.
_LABELS = sql.text("""
    WITH RECURSIVE found (label) AS (
        SELECT min(prediction) FROM predictions WHERE model = :model AND prediction LIKE '"%'
        UNION ALL
        SELECT (SELECT min(prediction) FROM predictions
            WHERE model = :model AND prediction > found.label AND prediction LIKE '"%')
        FROM found WHERE found.label IS NOT NULL)
    SELECT label FROM found WHERE label IS NOT NULL LIMIT :limit
""")

_names = msgspec.json.Decoder(list[str]).decode
_label = msgspec.json.Decoder(str).decode


class Names:
    """What predictions have; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_field(self, model: str, name: str) -> bool:
        """Whether any prediction of a model has a field in its record."""
        with self._database.reading() as connection:
            rows = connection.execute(_LAYOUTS)
            numbers = [number for number, fields in rows if name in _names(fields)]
            if not numbers:
                return False
            bound = {"model": model, "numbers": numbers}
            return connection.execute(_HAS_LAYOUT, bound).first() is not None

    def labels(self, model: str) -> list[str]:
        """List the labels that a model has predicted, the first ones in their order."""
        bound = {"model": model, "limit": MAX_LABELS}
        with self._database.reading() as connection:
            return [*map(_label, connection.scalars(_LABELS, bound))]
