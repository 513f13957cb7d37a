"""How the records of a run are predicted."""

from typing import Self

import msgspec

from serving.models.explaining.explanation import ExplainOptions
from serving.scoring import Keep


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How records are predicted.

    Attributes
    ----------
    keep : {"others", "all", "none"}
        The columns of the records that come before the predictions; see `Scorer`.
    explained : bool
        Whether predictions are explained.
    top, language, reasons_for
        As in `ExplainOptions`.
    samples : int
        As in `Explaining`.
    """

    keep: Keep = "others"
    explained: bool = False
    top: int | None = None
    language: str = ""
    reasons_for: str = ""
    samples: int

    @classmethod
    def of(cls, keep: Keep, explain: ExplainOptions | None, samples: int) -> Self:
        """Put together what is chosen in several places."""
        if explain is None:
            return cls(keep=keep, samples=samples)
        return cls(
            keep=keep,
            explained=True,
            top=explain.top,
            language=explain.language,
            reasons_for=explain.reasons_for,
            samples=samples,
        )

    @property
    def explain(self) -> ExplainOptions | None:
        """How predictions are explained, if they are."""
        chosen = ExplainOptions(self.top, language=self.language, reasons_for=self.reasons_for)
        return chosen if self.explained else None
