"""What a route declares beside its view: how it is documented, how quick it is, if it predicts.

The metrics, the server and the API's document read it here, so that none knows a path.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from flask import current_app, request

from serving.api.openapi.operation import Describe, Operation

View = TypeVar("View", bound=Callable[..., Any])
Pace = Literal["usual", "prompt", "immediate"]


class Declaration(NamedTuple):
    """What is declared about a route; without `describe` it is not in the API's document."""

    describe: Describe | None = None
    predicts: bool = False
    pace: Pace = "usual"


def declares(
    described: Operation | Describe, *, predicts: bool = False, pace: Pace = "usual"
) -> Callable[[View], View]:
    """Declare a route, between its paths and its view.

    Parameters
    ----------
    described : operation, or function that makes one for a model
    predicts : bool
        Whether its requests are for predictions, and counted as such.
    pace : str
        `prompt` if it must not wait until others are computed, `immediate` if it also waits for
        nothing itself and takes no time.
    """
    describe = described if callable(described) else lambda _: described

    def declare(view: View) -> View:
        view.__dict__["declaration"] = Declaration(describe, predicts, pace)
        return view

    return declare


def declaration(endpoint: str | None) -> Declaration:
    """What the view of an endpoint of the current app declares."""
    view = current_app.view_functions.get(endpoint or "")
    return getattr(view, "declaration", Declaration())


def predicts() -> bool:
    """Whether the current request is one for predictions."""
    return declaration(request.endpoint).predicts
