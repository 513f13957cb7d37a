"""What a route declares beside its view: who may call it, how it is documented, how quick it is.

Access, metrics, the server and the API's document read it here, so that none knows a path.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from flask import current_app, request

from serving.access.callers import Need
from serving.api.openapi.operation import Describe, Operation

View = TypeVar("View", bound=Callable[..., Any])
Pace = Literal["usual", "prompt", "immediate"]


class Declaration(NamedTuple):
    """What is declared about a route; without `describe` it is not in the API's document."""

    scope: Need = "admin"  # of a route that declares nothing, which a test forbids
    shows_allowed: bool = False
    describe: Describe | None = None
    predicts: bool = False
    pace: Pace = "usual"
    takes_files: bool = False


def declares(
    described: Operation | Describe | None,
    *,
    scope: Need,
    shows_allowed: bool = False,
    predicts: bool = False,
    pace: Pace = "usual",
    takes_files: bool = False,
) -> Callable[[View], View]:
    """Declare a route, between its paths and its view.

    Parameters
    ----------
    described : operation, or function that makes one for a model
        None if it is not in the API's document.
    scope : str
        What a key needs for it; `any` if each key will do, `open` if none is needed.
    shows_allowed : bool
        Whether the view itself keeps to the models that a key is limited to. Otherwise a request
        for no one model needs a key for all.
    predicts : bool
        Whether its requests are for predictions, and counted as such.
    pace : str
        `prompt` if it must not wait until others are computed, `immediate` if it also waits for
        nothing itself and takes no time.
    takes_files : bool
        Whether a body may be as large as a stream of records, whatever its type.
    """
    describe: Describe | None = None
    if described is not None:
        describe = described if callable(described) else lambda _: described

    def declare(view: View) -> View:
        view.__dict__["declaration"] = Declaration(
            scope, shows_allowed, describe, predicts, pace, takes_files
        )
        return view

    return declare


def declaration(endpoint: str | None) -> Declaration:
    """What the view of an endpoint of the current app declares."""
    view = current_app.view_functions.get(endpoint or "")
    return getattr(view, "declaration", Declaration())


def predicts() -> bool:
    """Whether the current request is one for predictions."""
    return declaration(request.endpoint).predicts
