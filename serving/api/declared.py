"""What a route declares about itself, beside its view: how it is documented, whether it predicts.

Metrics, the API's document and whatever else treats routes differently read it here; none looks at
a path.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from flask import current_app, request

from serving.api.openapi.operation import Describe, Operation

View = TypeVar("View", bound=Callable[..., Any])


class Declaration(NamedTuple):
    """What is declared about a route.

    Attributes
    ----------
    describe : callable or None
        Makes the operation of the API's document; None leaves the route out of it.
    predicts : bool
        Whether a request is one for predictions, and is counted as such.
    """

    describe: Describe | None = None
    predicts: bool = False


def declares(described: Operation | Describe, *, predicts: bool = False) -> Callable[[View], View]:
    """Declare a route: to stand between its paths and its view.

    Parameters
    ----------
    described : Operation, or function of a model that makes one
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
