"""What a model takes and returns, in the terms of the protocol."""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from serving.inputs.field import Field
from serving.models.manifest import Manifest

PLATFORM = "sklearn_adega"
EXPLANATION = "explanation"  # an output: the JSON of each row's


class TensorMetadata(msgspec.Struct, omit_defaults=True):
    """A tensor; -1 in its shape stands for any size.

    Attributes
    ----------
    parameters : dict
        `labels` has the names of the columns of probabilities, as JSON.
    """

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, str] | UnsetType = UNSET


class ModelMetadata(msgspec.Struct):
    """A model: a column for each field, and every output that may be asked for.

    Instead of columns, one input of any other name may have all of them, as a matrix.
    """

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


def datatype_of(field: Field) -> str:
    """Return the datatype of a field's column."""
    by_type = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}
    return by_type.get(field.type, "BYTES")


def outputs_of(manifest: Manifest) -> dict[str, TensorMetadata]:
    """Return every output of a model by its name, the default one first."""
    return _outputs(manifest.classes, manifest.outputs != "labels", manifest.interval is not None)


@lru_cache(maxsize=256)
def _outputs(
    classes: tuple[str, ...],
    has_probabilities: bool,  # noqa: FBT001
    has_interval: bool,  # noqa: FBT001
) -> dict[str, TensorMetadata]:
    found = [TensorMetadata("predict", "BYTES" if classes else "FP64", [-1, 1])]
    if classes and has_probabilities:
        labels: dict[str, Any] = {"labels": msgspec.json.encode(classes).decode()}
        found.append(TensorMetadata("predict_proba", "FP64", [-1, len(classes)], labels))
    if has_interval:
        found += [TensorMetadata(end, "FP64", [-1, 1]) for end in ("low", "high")]
    texts = ("id", "warnings", EXPLANATION)
    found += [TensorMetadata(each, "BYTES", [-1, 1]) for each in texts]
    return {each.name: each for each in found}


def metadata(manifest: Manifest, versions: list[str]) -> ModelMetadata:
    """Describe a version of a model."""
    columns = [TensorMetadata(field.name, datatype_of(field), [-1, 1]) for field in manifest.fields]
    return ModelMetadata(
        manifest.name, versions, PLATFORM, columns, [*outputs_of(manifest).values()]
    )
