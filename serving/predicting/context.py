"""What is known of a request besides its records."""

from collections.abc import Sequence
from typing import NamedTuple

from serving import ids
from serving.access.callers import EVERYBODY, Caller
from serving.models.explaining.explanation import ExplainOptions


class RequestContext(NamedTuple):
    """What is known of a request besides its records.

    Attributes
    ----------
    since : int
        The time of its arrival, by `time.perf_counter_ns`.
    subject : str
        The person whom it is about, by the caller's own key; empty if none was sent.
    caller : Caller
        Who sends it.
    explain : ExplainOptions or None
        What is to be explained.
    own_id : str
        The caller's own id of it; empty if none was sent.
    places : sequence of int
        The positions in the request of the records that are predicted; empty if these are all.
    """

    request_id: str
    since: int
    subject: str = ""
    caller: Caller = EVERYBODY
    explain: ExplainOptions | None = None
    own_id: str = ""
    places: Sequence[int] = ()

    def with_own_id(self, sent: str | None) -> "RequestContext":
        """Take the id that a protocol has for a request, if it is valid and the only own id."""
        if not sent or self.own_id or not ids.OWN_ID.fullmatch(sent):
            return self
        return self._replace(own_id=sent)
