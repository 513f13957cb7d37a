"""Which models are served, and by which version."""

import logging
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from serving import artefact
from serving.engine import Engine
from serving.errors import ArtefactError, UnknownModel

log = logging.getLogger(__name__)


class Registry:
    """The loaded models by name.

    Attributes
    ----------
    engines : mapping of str to Engine
    broken : mapping of str to str
        Why a model in the folder is not served.
    default : str
        The model meant where none is named.
    """

    def __init__(
        self, engines: Mapping[str, Engine], broken: Mapping[str, str], default: str
    ) -> None:
        self.engines, self.broken, self.default = engines, broken, default

    @classmethod
    def load(cls, models_dir: Path, default: str) -> Self:
        """Load the live version of every model in a folder.

        A broken model is logged and left out, unless it is the default one.

        Raises
        ------
        ArtefactError
            If the default model is not there or cannot be loaded.
        """
        engines, broken = {}, {}
        for name in artefact.live(models_dir):
            try:
                version = artefact.current(models_dir / name)
                engines[name] = Engine(artefact.read(models_dir, name, version))
            except ArtefactError as error:
                log.error("model %s is not served: %s", name, error)  # noqa: TRY400 - the message says it all
                broken[name] = str(error)
        if default not in engines:
            reason = broken.get(default, f"{models_dir / default / artefact.CURRENT} is missing")
            raise ArtefactError(f"the default model {default!r} cannot be served: {reason}")
        return cls(engines, broken, default)

    def engine(self, name: str | None = None) -> Engine:
        """The engine of a model, of the default one where none is named.

        Raises
        ------
        UnknownModel
        """
        name = name or self.default
        try:
            return self.engines[name]
        except KeyError:
            near = get_close_matches(name[:64], self.engines, 1) or sorted(self.engines)
            raise UnknownModel(f"no model {name!r} is served; try {near[0]!r}") from None
