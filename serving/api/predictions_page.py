"""Pages of a list of predictions, and all of it as one CSV."""

from itertools import chain, islice
from typing import Any, NamedTuple

from flask import Response, request, stream_with_context, url_for
from werkzeug.exceptions import BadRequest

from serving.api.filters import Selection
from serving.api.predictions_table import pieces_of_csv
from serving.api.query import cursor_after
from serving.predicting.service import Service
from serving.recording.store.rows import Cursor, Prediction


class ListPage(NamedTuple):
    """A page of a list of predictions.

    Attributes
    ----------
    earlier, later : Cursor or None
        Where older and newer ones are, if there may be any.
    stopped : Cursor or None
        Where a search ended that had read enough, before the page was full.
    """

    predictions: list[Prediction]
    earlier: Cursor | None
    later: Cursor | None
    stopped: Cursor | None


def page_of(service: Service, name: str, selected: Selection, limit: int) -> ListPage:
    """Return a page of the predictions that are selected."""
    newer = selected.newer
    place: Any = {"limit": limit, "after": selected.after, "newer": newer, **selected.filters}
    made, further, is_stopped = service.store.searches.find(name, selected.conditions, **place)
    behind = _place(made, -1 if newer else 0) if selected.after else None
    earlier, later = (behind, further) if newer else (further, behind)
    return ListPage(made, earlier, later, further if is_stopped else None)


def _place(made: list[Prediction], at: int) -> Cursor | None:
    return Cursor(made[at].time, made[at].id) if made else None


def wants_csv() -> bool:
    """Whether a list is to be CSV.

    Raises
    ------
    BadRequest
    """
    sent = request.args.get("format")
    if sent not in {None, "json", "csv"}:
        raise BadRequest(f"format={sent!r} is neither json nor csv")
    accepted = request.accept_mimetypes.best_match(["application/json", "text/csv"])
    return sent == "csv" or (sent is None and accepted == "text/csv")


def all_as_csv(service: Service, name: str, selected: Selection) -> Response:
    """All that is selected as one file; where it would have too many rows, as the newest ones."""
    searches = service.store.searches
    extent = searches.extent(name, after=selected.after, **selected.filters)
    pieces = pieces_of_csv(searches, name, selected, extent)
    begun = [*islice(pieces, 2)]  # what fails so far has a status of its own
    response = Response(stream_with_context(chain(begun, pieces)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}-predictions.csv")
    add_link(response, name, "next", extent.last)
    return response


def add_link(page: Response, name: str, relation: str, at: Cursor | None) -> None:
    """Add the header that leads to another page, if there may be one."""
    if at:
        query: dict[str, Any] = request.args.to_dict(flat=False)
        query.pop("newer", None)
        query |= {"after": cursor_after(at)} | ({"newer": "true"} if relation == "prev" else {})
        following = url_for("predictions.predictions", name=name, **query)
        page.headers.add("Link", f'<{following}>; rel="{relation}"')
