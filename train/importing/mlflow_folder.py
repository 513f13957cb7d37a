"""A model folder of MLflow: its file, its signature and its input example.

The file `MLmodel` is YAML. PyYAML reads it with its safe loader, which makes plain values only. A
list of types to trust that stands there is not read: whoever made the folder wrote it.
"""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pandas as pd
import yaml
from msgspec.structs import replace
from pandas.api.types import pandas_dtype

from serving.inputs.field import Field
from train.errors import TrainingError
from train.importing.columns import require_column

MLMODEL = "MLmodel"
FILES = {"sklearn": "pickled_model", "onnx": "data", "lightgbm": "data", "xgboost": "data"}
DTYPES = {  # that a sample gets; a text may be read as a boolean later
    "integer": "Int64",
    "long": "Int64",
    "float": "float64",
    "double": "float64",
}
TYPES: dict[str, Literal["integer", "boolean"]] = {
    "integer": "integer",
    "long": "integer",
    "boolean": "boolean",
}


class Input(msgspec.Struct):
    """An input of a signature; without a name if it is a tensor."""

    type: str
    name: str = ""
    required: bool = True


class Folder(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    model : Path
        The file of the estimator.
    inputs : list of Input
        The columns of the signature; none if it has no names.
    example : Path or None
        The file of the input example.
    """

    model: Path
    inputs: list[Input]
    example: Path | None

    def typed(self, given: pd.DataFrame) -> pd.DataFrame:
        """The sample with the types of the signature.

        Raises
        ------
        TrainingError
            If it lacks a column, or one does not have the type.
        """
        for each in self.inputs:
            if each.name not in given and not each.required:
                continue
            require_column(given, each.name)
            if each.type in {*DTYPES, "string"}:
                try:
                    given = given.assign(**{each.name: _cast(given[each.name], each.type)})
                except (TypeError, ValueError) as error:
                    raise TrainingError(
                        f"{each.name!r} is a {each.type} in the signature, but not in the sample: "
                        f"{error}"
                    ) from None
        return given

    def signed(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """The fields with the signature's whole numbers, booleans, and what may be missing."""
        inputs = {each.name: each for each in self.inputs}
        return tuple(
            replace(
                field,
                type=TYPES.get(inputs[field.name].type, "number")
                if field.type in {"number", "integer", "boolean"}
                else field.type,
                optional=field.optional or not inputs[field.name].required,
            )
            if field.name in inputs
            else field
            for field in fields
        )


def read(folder: Path) -> Folder:
    """Read what a folder's MLmodel describes.

    Raises
    ------
    TrainingError
        If it is no such folder, or has no flavour that can be served.
    """
    try:
        described = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
        flavors = described["flavors"]
        flavor = next((each for each in FILES if each in flavors), None)
        if flavor is None:
            others = ", ".join(sorted({*flavors} - {"python_function"})) or "none but its own"
            raise TrainingError(
                f"{folder} has the flavor {others}, but only {', '.join(FILES)} can be served: log "
                "the model with mlflow.sklearn"
            )
        model = _inside(folder, flavors[flavor][FILES[flavor]])
        signature = described.get("signature") or {}
        inputs = msgspec.json.decode(signature.get("inputs") or "[]", type=list[Input])
        about = described.get("saved_input_example_info") or {}
        example = about.get("artifact_path")
        return Folder(
            model,
            [each for each in inputs if each.name],
            _inside(folder, example) if example else None,
        )
    except FileNotFoundError:
        raise TrainingError(
            f"{folder} has no file {MLMODEL}, so it is no model folder of MLflow"
        ) from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{folder / MLMODEL} is not one that MLflow writes: {error}") from error


def read_example(file: Path) -> pd.DataFrame:
    """Read an input example: a frame, or an array, whose columns become x0, x1 and so on.

    Raises
    ------
    TrainingError
        If it is neither.
    """
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and {*content} <= {"index", "columns", "data"}:
            return pd.DataFrame(content["data"], columns=content["columns"])
        table = pd.DataFrame(content.get("inputs") if isinstance(content, dict) else content)
        return table.rename(columns={column: f"x{column}" for column in range(table.shape[1])})
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{file} is no table of rows ({error}): give a CSV with --sample"
        ) from error


def _cast(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    if kind == "string":
        return column.map(str, na_action="ignore")
    return column.astype(pandas_dtype(DTYPES[kind]))


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TrainingError(f"{folder / MLMODEL} names {name}, which is not in its folder")
    return folder / name
