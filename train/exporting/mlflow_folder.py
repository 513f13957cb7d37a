"""A model folder of MLflow, with the flavours sklearn and python_function.

Its files of YAML are written as JSON, which is YAML, too.
"""

import pickle
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from serving.models.artefact import Artefact, pretty
from train.exporting.estimator import to_frame

MODEL, EXAMPLE, SERVED = "model.pkl", "input_example.json", "serving_input_example.json"
OURS = {"python", "joblib", "onnx", "skl2onnx"}  # of the manifest's libraries
TYPES = {"i": "long", "b": "boolean", "f": "double", "M": "datetime"}  # by the kind of a dtype


def write(folder: Path, artefact: Artefact, estimator: Any) -> None:
    """Write a version's folder, which must not exist.

    Parameters
    ----------
    estimator : estimator
        Takes a frame, and is made of others' classes only.
    """
    manifest = artefact.manifest
    frame = to_frame(manifest, artefact.recorded_outputs()[0])
    inputs = [
        {"type": TYPES.get(kind.kind, "string"), "name": field.name, "required": not field.optional}
        for field, kind in zip(manifest.fields, frame.dtypes, strict=True)
    ]
    python = manifest.libraries["python"]
    requirements = ["mlflow", f"pandas=={pd.__version__}"]
    others = sorted({*manifest.libraries} - OURS)
    requirements += [f"{name}=={manifest.libraries[name]}" for name in others]
    example = frame.astype(object).where(frame.notna(), None).iloc[:5]
    split = {"columns": [*example.columns], "data": example.to_numpy().tolist()}
    signature = {
        "inputs": _text(inputs),
        "outputs": _text([{"type": "string" if manifest.classes else "double", "required": True}]),
        "params": None,
    }
    described = {
        "flavors": {
            "python_function": {
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": MODEL,
                "predict_fn": "predict",
                "python_version": python,
            },
            "sklearn": {
                "code": None,
                "pickled_model": MODEL,
                "serialization_format": "pickle",
                "sklearn_version": manifest.libraries["scikit-learn"],
            },
        },
        "saved_input_example_info": {
            "artifact_path": EXAMPLE,
            "pandas_orient": "split",
            "serving_input_path": SERVED,
            "type": "dataframe",
        },
        "signature": signature,
        "metadata": {"adega": f"{manifest.name} {manifest.version}"},
        "utc_time_created": manifest.created,
    }
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    conda = {"dependencies": [f"python={python}", "pip", {"pip": requirements}]}
    folder.mkdir(parents=True)
    (folder / MODEL).write_bytes(pickle.dumps(estimator))
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    for file, content in {
        "MLmodel": described,
        "python_env.yaml": environment,
        "conda.yaml": conda,
        EXAMPLE: split,
        SERVED: {"dataframe_split": split},
    }.items():
        (folder / file).write_bytes(pretty(content))


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
