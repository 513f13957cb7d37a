"""What a route declares beside its view: how it is documented, and whether it predicts.

The metrics and the API's document read it here, instead of recognising routes by their paths.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from flask import current_app, request

from serving.api.openapi.operation import Describe, Operation

View = TypeVar("View", bound=Callable[..., Any])


class Declaration(NamedTuple):
    """What is declared about a route; without `describe` it is not in the API's document."""

    describe: Describe | None = None
    predicts: bool = False


def declares(described: Operation | Describe, *, predicts: bool = False) -> Callable[[View], View]:
    """Declare a route, between its paths and its view.

    Parameters
    ----------
    described : operation, or function that makes one for a model
    predicts : bool
        Whether its requests are for predictions, and counted as such.
    """
    describe = described if callable(described) else lambda _: described

    def declare(view: View) -> View:
        view.__dict__["declaration"] = Declaration(describe, predicts)
        return view

    return declare


def declaration(endpoint: str | None) -> Declaration:
    """What the view of an endpoint of the current app declares."""
    view = current_app.view_functions.get(endpoint or "")
    return getattr(view, "declaration", Declaration())


def predicts() -> bool:
    """Whether the current request is one for predictions."""
    return declaration(request.endpoint).predicts
