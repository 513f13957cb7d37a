"""Who sends a request, and what they may do: scopes, each for all models or for some."""

from typing import Literal, NamedTuple, get_args

from serving.errors import NotAllowed

Scope = Literal["predict", "feedback", "read", "metrics", "admin"]
# What a route needs: one of the scopes, any valid key, or nothing.
Need = Scope | Literal["any", "open"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
ANY, ADMIN = "any", "admin"
NO_KEY = "somebody without a key"  # in histories


class Caller(NamedTuple):
    """Who sends a request.

    Attributes
    ----------
    name : str
        The name of the key; empty without one.
    scopes : frozenset of str
        `admin` comes with all others, and each key with `any`.
    models : frozenset of str or None
        The models that the key is limited to; None for all.
    """

    name: str
    scopes: frozenset[str]
    models: frozenset[str] | None = None

    def sees(self, model: str) -> bool:
        """Whether the caller is not limited to other models."""
        return self.models is None or model in self.models

    def may(self, need: Need, model: str) -> bool:
        """Whether the caller has a scope, for a model."""
        return need in self.scopes and (self.models is None or model in self.models)

    def require(self, need: Need, model: str | None) -> None:
        """Raise an error unless the caller has a scope, for a model.

        Parameters
        ----------
        model : str, optional
            None for all models.

        Raises
        ------
        NotAllowed
            With the scope that is missing, or the models that the key is limited to.
        """
        if need not in self.scopes:
            has = ", ".join(scope for scope in SCOPES if scope in self.scopes)
            raise NotAllowed(f"the key {self.name!r} has no scope {need!r}; it has {has}")
        if self.models is None or (model is not None and model in self.models):
            return
        only = ", ".join(sorted(self.models))
        limited = f"the key {self.name!r} is limited to the models {only}"
        if model is None:
            raise NotAllowed(f"{limited}; this needs the scope {need!r} for all models")
        if need == ANY:
            raise NotAllowed(f"{limited}; {model!r} is not one of them")
        raise NotAllowed(f"{limited}; this needs the scope {need!r} for {model!r}")


def holder(name: str, scopes: frozenset[str], models: frozenset[str] | None = None) -> Caller:
    """Return the caller that has a key with some scopes."""
    given = frozenset(SCOPES) if ADMIN in scopes else scopes
    return Caller(name, given | {ANY}, models)


# Whoever sends no key: from the machine of a service that has none and that no other reaches; to a
# service that has none; and to one that needs them.
OWNER = Caller("", frozenset(SCOPES) | {ANY})
EVERYBODY = Caller("", frozenset(SCOPES) - {ADMIN} | {ANY})
NOBODY = Caller("", frozenset())
