"""Where live records with feedback are read from: the store, and the archive if there is one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from serving.inputs.field import Field
from serving.recording.store import Store
from serving.recording.store.rows import Labelled
from serving.sentence import Sentence
from train.errors import TrainingError

MAX_LIVE = 50_000


@dataclass(frozen=True)
class FeedbackSource:
    """Where a model's live records with feedback are.

    Attributes
    ----------
    version : int
        The live one.
    max_live : int
        How many different records to take at most, the latest.
    archive_url : str
        Where older ones are; empty if there is no archive.
    labels : tuple of str
        Those of the live version.
    kept_out : mapping of str to str
        Fields that are not recorded as they were sent, and the setting that is the reason.
    """

    store: Store
    model: str
    version: int
    kept_out: Mapping[str, str]
    max_live: int = MAX_LIVE
    archive_url: str = ""
    labels: tuple[str, ...] = ()

    def labelled(self, fields: Iterable[Field]) -> Iterator[Labelled]:
        """Read predictions with feedback, of the archive and the store as one, the latest first.

        Raises
        ------
        TrainingError
            If the archive cannot be read for lack of pyarrow.
        ArchiveError, StoreError
        """
        if not self.archive_url:
            return self.store.labelled(self.model)
        if find_spec("pyarrow") is None:
            raise TrainingError(
                Sentence(
                    "ARCHIVE_URL is set, and the archive needs pyarrow, which is optional: "
                    "pip install -r requirements-parquet.txt"
                )
            )
        from serving.archive.labelled import labelled  # noqa: PLC0415 - which imports pyarrow

        names = [field.name for field in fields]
        return labelled(self.store, self.archive_url, self.model, fields=names, labels=self.labels)
