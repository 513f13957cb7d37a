"""What the monitor must remember of the latest retraining of each model."""

import msgspec

from serving.recording.store import Store


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The latest retraining of a model.

    Attributes
    ----------
    live : int
        The version to be replaced.
    time : int
        When it began: milliseconds since 1970, UTC.
    feedback : int
        Rows with feedback since the alert.
    candidate : int or None
        The version that is, or was, on trial.
    trial_since : int
        When the trial began: milliseconds since 1970, UTC.
    judged : int
        How often the trial has been judged.
    is_problem : bool
        Whether training knows the model by its name.
    """

    live: int
    time: int
    feedback: int
    candidate: int | None = None
    trial_since: int = 0
    judged: int = 0
    is_problem: bool = True


class Attempts:
    """The latest attempt of each model, in the store, as another host may be the next monitor."""

    def __init__(self, store: Store) -> None:
        self._attempts = store.attempts

    def latest(self, model: str) -> Attempt | None:
        """Read the latest attempt.

        Raises
        ------
        StoreError
        """
        found = self._attempts.latest(model)
        return None if found is None else msgspec.json.decode(found, type=Attempt)

    def store(self, model: str, attempt: Attempt) -> None:
        """Replace the latest attempt.

        Raises
        ------
        StoreError
        """
        self._attempts.write(model, msgspec.json.encode(attempt))
