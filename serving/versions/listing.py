"""What the names of an object store's objects mean.

wine/2/model.pkl               a version: the files of a folder, model.json written last
wine/decisions/00000007.json   a decision: written once, if none has this number
"""

import re
from typing import NamedTuple

from serving.models.model_folder import MANIFEST, NUMBER

DECISIONS = "decisions"
DECISION = re.compile(r"([0-9]{8,})\.json")
PLAIN = re.compile(r"\w[\w.-]*")  # a name that is a file in its folder, and nowhere else

ETags = dict[str, str]


class Model(NamedTuple):
    """What an object store has of a model.

    Attributes
    ----------
    versions : dict of int to dict
        The objects of each version, by the name of the file.
    decisions : dict of int to str
        By number: what changes with its content.
    """

    versions: dict[int, ETags]
    decisions: dict[int, str]

    def whole(self) -> list[int]:
        """The versions that are uploaded to the end."""
        return [number for number, files in self.versions.items() if MANIFEST in files]


def decision_name(model: str, number: int) -> str:
    """The name of the object that holds a decision."""
    return f"{model}/{DECISIONS}/{number:08}.json"


def parsed(names: ETags) -> dict[str, Model]:
    """Find models, versions and decisions in what an object store lists; the rest is left out."""
    models: dict[str, Model] = {}
    for name, e_tag in names.items():
        model, _, rest = name.partition("/")
        folder, _, file = rest.partition("/")
        if not PLAIN.fullmatch(model) or not PLAIN.fullmatch(file):
            continue
        found = models.setdefault(model, Model({}, {}))
        if NUMBER.fullmatch(folder):
            found.versions.setdefault(int(folder), {})[file] = e_tag
        elif folder == DECISIONS and (number := DECISION.fullmatch(file)):
            found.decisions[int(number[1])] = e_tag
    return models
