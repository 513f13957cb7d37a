"""Export all that is recorded about a person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from serving.errors import EmptyStore, StoreError, without_path
from serving.predicting.lookup import positions
from serving.recording.archiving import Archive
from serving.recording.journal import Journal
from serving.recording.store import Store
from serving.recording.store.rows import Feedback, Prediction, latest_first
from serving.recording.store.subjects import Recorded, TrialPrediction, in_entries


class Exported(NamedTuple):
    """A prediction with its feedback, the latest first, and its trials."""

    prediction: Prediction
    feedback: list[Feedback]
    trials: list[TrialPrediction]


def export(
    journal: Journal | None, store: Store, archive: Archive, keys: Sequence[str]
) -> Iterator[Exported]:
    """Yield all that is recorded under the keys of a person, the oldest predictions first.

    What the store does not have yet is in the journal, which is read first, so that nothing is
    missed that is moved meanwhile. Likewise what is moved to the archive while the store is read:
    it comes last.

    Raises
    ------
    StoreError
    """
    waiting = _waiting(journal, store, keys)
    known: set[str] = set()

    def new(pages: Iterable[Recorded]) -> Iterator[Exported]:
        for page in pages:
            made = [each for each in page.predictions if each.id not in known]
            known.update(each.id for each in made)
            yield from _joined(made, page, waiting)

    files = _files(store)
    if files:
        yield from new(archive.find(keys))
    yield from new(_stored(store, keys))
    if _files(store) - files:
        yield from new(archive.find(keys))
    yield from new([waiting])


def _files(store: Store) -> set[str]:
    with suppress(EmptyStore):
        return {file.name for file in store.archived.files()}
    return set()


def _stored(store: Store, keys: Sequence[str]) -> Iterator[Recorded]:
    with suppress(EmptyStore):
        yield from store.of_subject(keys)


def _waiting(journal: Journal | None, store: Store, keys: Sequence[str]) -> Recorded:
    stored = positions(store)
    try:
        return in_entries(journal.waiting(stored) if journal else (), keys)
    except OSError as error:
        raise StoreError(f"the journal cannot be read: {without_path(error)}") from error


def _joined(predictions: Sequence[Prediction], *parts: Recorded) -> Iterator[Exported]:
    given: defaultdict[str, list[Feedback]] = defaultdict(list)
    tried: defaultdict[str, dict[int, TrialPrediction]] = defaultdict(dict)
    for part in parts:
        for feedback in part.feedback:
            given[feedback.prediction_id].append(feedback)
        for trial in part.trials:
            tried[trial.prediction_id][trial.version] = trial
    for each in predictions:
        yield Exported(each, latest_first(given[each.id]), [*tried[each.id].values()])
