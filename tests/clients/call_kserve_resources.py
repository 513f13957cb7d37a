"""Compare resources of KServe with the models of its SDK, which are made from its schemas.

Every field must be one that the SDK knows, of its type, and required fields must be there.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kserve import models as kserve_models
from kubernetes.client import models as kubernetes_models

PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def faults(value: Any, kind: str, place: str) -> Iterator[str]:
    """Find what does not fit a type as the SDK names it, such as list[V1Container]."""
    if inner := re.fullmatch(r"([Ll]ist|[Dd]ict)[\[(](?:str, )?(\w+)[\])]", kind):
        if not isinstance(value, list if inner[1].lower() == "list" else dict):
            yield f"{place} is not a {kind}"
            return
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in members:
            yield from faults(member, inner[2], f"{place}/{name}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]):
            yield f"{place} is not a {kind}"
    else:
        model = getattr(kserve_models, kind, None) or getattr(kubernetes_models, kind)
        names = {written: name for name, written in model.attribute_map.items()}
        for name, member in value.items():
            if name in names:
                yield from faults(member, model.openapi_types[names[name]], f"{place}/{name}")
            else:
                yield f"{place}/{name} is unknown to {kind}"
        try:
            model(**{names[name]: member for name, member in value.items() if name in names})
        except ValueError as error:  # of a required one
            yield f"{place}: {error}"


for path in sys.argv[1:]:
    resource = yaml.safe_load(Path(path).read_text())
    version = resource["apiVersion"].rpartition("/")[2].capitalize()
    found = [*faults(resource, f"{version}{resource['kind']}", "")]
    print("\n".join(found) or f"{resource['kind']} is valid")
