"""Takes decisions on the versions of models."""

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from serving import clock
from serving.errors import ArtefactError, VersionRefused
from serving.models import model_folder
from serving.versions import gate
from serving.versions.decision import Action, Decision, Made, decisions_of
from serving.versions.decisions import Decisions
from serving.versions.rehearsal import rehearse


def whoever_runs_this() -> str:
    """Return the user and host of this process, for decisions on the command line."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, the user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class Versions:
    """The decisions of the command line and of the admin's routes; each is recorded.

    Parameters
    ----------
    who : str
        Who decides.
    known : int or None
        How many decisions whoever decides knows of; if there are others, none is taken.
    """

    def __init__(self, decisions: Decisions, who: str, known: int | None = None) -> None:
        self.decisions, self.who, self.known = decisions, who, known

    def promote(self, model: str, version: int, why: str = "", *, force: bool = False) -> Decision:
        """Put a version live; `force` overrules the gate, which is recorded.

        Raises
        ------
        UnknownModel, UnknownVersion, VersionRefused, ArtefactError
        """
        with self._deciding(model):
            self._require(model, version)
            before = self._current(model)
            objections: tuple[str, ...] = ()
            if before != version:
                objections = self._objections(model, version, before)
            if objections and not force:
                message = f"{model} {version} is not put live"
                raise VersionRefused(message, objections, can_be_forced=True)
            return self._take("promote", model, before, version, why, overruled=objections)

    def rollback(self, model: str, why: str = "") -> Decision:
        """Put the version live again that was live before the current one, or the retirement.

        Raises
        ------
        UnknownModel, UnknownVersion, VersionRefused, ArtefactError
        """
        with self._deciding(model):
            current, before = self._current(model), self.before(model)
            if before is None:
                raise VersionRefused(f"{model}: no version was live before {current}")
            self._require(model, before)
            # If it would fail when it is live, this raises the reason.
            rehearse(self.decisions.read(model, before))
            return self._take("rollback", model, current, before, why)

    def before(self, model: str) -> int | None:
        """Return the version to which one can roll back: live before this one, or the retirement.

        Raises
        ------
        UnknownModel, ArtefactError
        """
        current = self._current(model)
        start = ("promote" if current else "retire", current)
        for decision in self.decisions.history(model):
            # Not promoted again while it was live, nor in place of none.
            others = decision.before not in (current, None)
            if (decision.action, decision.version) == start and others:
                return decision.before
        return None

    def set_trial(self, model: str, version: int | None, why: str = "") -> Decision:
        """Start the trial of a version; None ends the trial.

        Raises
        ------
        UnknownModel, UnknownVersion, VersionRefused, ArtefactError
        """
        with self._deciding(model):
            if version is not None:
                self._require(model, version)
                if version == self._require_live(model):
                    raise VersionRefused(f"{model} {version} is live already; try another version")
                self.decisions.read(model, version)
            before = self.decisions.decided(model).trial
            return self._take("trial", model, before, version, why)

    def retire(self, model: str, version: int | None, why: str = "") -> Decision:
        """Stop serving a version, also to requests that name it; None retires the whole model.

        A version that is put live later, or a rollback, ends the retirement of the model.

        Raises
        ------
        UnknownModel, UnknownVersion, VersionRefused, ArtefactError
        """
        with self._deciding(model):
            if version is None:
                return self._retire_model(model, why)
            self._require(model, version)
            for state, number in (
                ("live", self._current(model)),
                ("on trial", self.decisions.decided(model).trial),
            ):
                if number == version:
                    raise VersionRefused(
                        f"{model} {version} is {state}; put another in its place first"
                    )
            return self._take("retire", model, version, version, why)

    def _retire_model(self, model: str, why: str) -> Decision:
        if model == self.decisions.default_model:
            raise VersionRefused(
                f"{model} is the default model, which requests get that name none; set "
                "DEFAULT_MODEL to another one first"
            )
        return self._take("retire", model, self._require_live(model), None, why)

    def made(self, by: Made, model: str, version: int | None, why: str) -> Decision:
        """Record how a version was made, or that none was.

        Raises
        ------
        UnknownModel, ArtefactError
        """
        with self._deciding(model):
            current = self._current(model)
            before = None if current == version else current  # the first one is live at once
            return self._take(by, model, before, version, why)

    def objections(self, model: str, version: int) -> tuple[str, ...]:
        """List the gate's objections to a version in place of the live one.

        Raises
        ------
        UnknownModel, UnknownVersion, VersionRefused, ArtefactError
        """
        self._require(model, version)
        return self._objections(model, version, self._current(model))

    def _objections(self, model: str, version: int, before: int | None) -> tuple[str, ...]:
        try:
            live = self.decisions.read(model, before) if before else None
        except ArtefactError:  # it cannot serve, so any version may replace it
            live = None
        try:
            return gate.objections(self.decisions.read(model, version), live)
        except ArtefactError as error:  # an error cannot be overruled
            raise VersionRefused(f"{model} {version} is not put live", (str(error),)) from error

    def _take(
        self,
        action: Action,
        model: str,
        before: int | None,
        version: int | None,
        why: str,
        *,
        overruled: tuple[str, ...] = (),
    ) -> Decision:
        decision = Decision(
            time=clock.now(),
            model=model,
            action=action,
            before=before,
            version=version,
            who=self.who,
            why=why,
            overruled=overruled,
        )
        self.decisions.take(decision)
        return decision

    @contextmanager
    def _deciding(self, model: str) -> Iterator[None]:
        """Lock a model that exists, for a decision is based on the one before.

        Raises
        ------
        VersionRefused
            If somebody has decided since whoever decides now looked.
        """
        self._versions(model)
        with self.decisions.deciding(model):
            if self.known is not None:
                taken = decisions_of(self.decisions.history(model))
                if len(taken) != self.known:
                    meanwhile = f": {taken[0]}" if taken else ""
                    raise VersionRefused(
                        f"{model}: somebody has decided meanwhile{meanwhile}; see what is live "
                        "now, and decide again"
                    )
            yield

    def _versions(self, model: str) -> list[int]:
        model_folder.require_known(self.decisions.models_dir, model)
        return model_folder.versions(self.decisions.models_dir / model)

    def _current(self, model: str) -> int | None:
        """The live version; None of a retired model."""
        self._versions(model)
        return self.decisions.decided(model).live

    def _require_live(self, model: str) -> int:
        if live := self._current(model):
            return live
        raise VersionRefused(f"{model} is retired; put a version live first")

    def _require(self, model: str, version: int) -> None:
        self._versions(model)
        self.decisions.require(model, version)
