"""A file that somebody else made is loaded only if nothing in it can run code of its author."""

import io
import os
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
from estimators import CASES, fitted, given
from signing import Touch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from training import latest, output, records, refused, served, trusting

from train.importing.reading import UntrustedNames, read

IRIS = load_iris(as_frame=True)


def text(value: str) -> bytes:
    return b"\x8c" + struct.pack("B", len(value)) + value.encode()


def call(module: str, name: str, argument: str) -> bytes:
    """A pickle, without its STOP, that calls a function with a text."""
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R"


def memoized(command: str) -> bytes:
    """The names of the function come from the memo, in another order."""
    strings = text("system") + b"\x94" + text("os") + b"\x94" + b"00"
    return b"\x80\x04" + strings + b"h\x01h\x00\x93" + text(command) + b"\x85R."


def by_inst(command: str) -> bytes:
    return b"(S'" + command.encode() + b"'\nios\nsystem\n."


def by_obj(command: str) -> bytes:
    return b"(cos\nsystem\nS'" + command.encode() + b"'\no."


def of_python_2(command: str) -> bytes:
    return b'c__builtin__\neval\n(S\'__import__("os").system("' + command.encode() + b"\")'\ntR."


def nested_name(command: str) -> bytes:
    """`os`, which a module of scikit-learn imports, by a name with a dot in it."""
    return call("sklearn.utils.fixes", "platform.os.system", command) + b"."


def text_as_code(command: str) -> bytes:
    code = f"__import__('os').system('{command}')"
    return call("numpy.testing._private.utils", "runstring", code)[:-2] + b"}\x86R."


def of_a_distribution(command: str) -> bytes:
    """A distribution of SciPy executes a text of its own state when it is unpickled."""
    state = {"_parse_arg_template": f"__import__('os').system('{command}')"}
    module = text("scipy.stats._continuous_distns") + text("uniform_gen")
    return b"\x80\x04" + module + b"\x93)\x81" + pickle.dumps(state, 4)[2:-1] + b"b."


def within_an_array(command: str) -> bytes:
    """Joblib writes an array of objects as a pickle of its own."""

    class Run:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (command,)

    content = io.BytesIO()
    joblib.dump({"array": np.array([Run()], object)}, content)
    return content.getvalue()


def hidden_from_the_list(command: str) -> bytes:
    """What follows an array is read otherwise where its dtype is a stand-in: eight bytes less."""
    state = {"shape": (1,), "order": "C", "allow_mmap": False, "numpy_array_alignment_bytes": None}
    wrapper = text("joblib.numpy_pickle") + text("NumpyArrayWrapper") + b"\x93)\x81"
    dtype = text("dtype") + text("numpy") + text("dtype") + b"\x93"
    dtype += text("numpy") + text("float64") + b"\x93\x85R"
    subclass = text("subclass") + text("numpy") + text("ndarray") + b"\x93"
    entries = pickle.dumps(state, 4)[2:-1] + dtype + b"s" + subclass + b"s"
    benign = b"N." + b"0N.   "  # a pickle within, then the end; or eight bytes of an array
    return (
        b"\x80\x04" + wrapper + entries + b"b" + benign + call("os", "system", command)[2:] + b"."
    )


ATTACKS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "a call": (lambda command: call("os", "system", command) + b".", "os.system"),
    "names from the memo": (memoized, "os.system"),
    "INST": (by_inst, "os.system"),
    "OBJ": (by_obj, "os.system"),
    "names of Python 2": (of_python_2, "builtins.eval"),
    "a name with dots": (nested_name, "sklearn.utils.fixes.platform.os.system"),
    "text as code": (text_as_code, "numpy.testing._private.utils.runstring"),
    "the state of a distribution": (
        of_a_distribution,
        "scipy.stats._continuous_distns.uniform_gen",
    ),
    "within an array": (within_an_array, "posix.system"),
    "hidden from the list": (hidden_from_the_list, "os.system"),
}


@pytest.mark.parametrize("way", ATTACKS)
def test_no_pickle_runs_code_and_its_names_are_reported(tmp_path: Path, way: str):
    make, name = ATTACKS[way]
    content = make(f"touch {tmp_path}/run")
    with pytest.raises(UntrustedNames) as untrusted:
        read(content, ())
    assert untrusted.value.names == [name]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("way", [way for way in ATTACKS if way != "a name with dots"])
def test_the_same_pickle_runs_code_where_it_is_trusted(tmp_path: Path, way: str):
    """So the attacks above are real ones."""
    make, name = ATTACKS[way]
    with suppress(Exception):  # some fail once their code has run
        read(make(f"touch {tmp_path}/run"), [name])
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("compress", [0, "zlib", "gzip", "bz2", "xz", "lzma"])
def test_every_protocol_and_compression_is_read(tmp_path: Path, protocol: int, compress: Any):
    dumped = io.BytesIO()
    joblib.dump([np.arange(3.0), Touch(tmp_path / "run")], dumped, compress, protocol)
    for content in (dumped.getvalue(), pickle.dumps(Touch(tmp_path / "run"), protocol)):
        with pytest.raises(UntrustedNames, match=r"pathlib\.PosixPath"):
            read(content, ())
    assert not (tmp_path / "run").exists()


OTHERS = {
    "neighbours": KNeighborsClassifier(algorithm="kd_tree"),
    "a process": GaussianProcessClassifier(RBF() + WhiteKernel(), optimizer=None),
    "a network": MLPClassifier(max_iter=2000, random_state=np.random.RandomState(0)),
    "vectors": SVC(),
    "LightGBM": lightgbm.LGBMClassifier(n_estimators=3, verbose=-1),
}


@cache
def model_and_rows(name: str) -> tuple[Any, Any]:
    if name in CASES:
        return fitted(CASES[name]), given(CASES[name])
    rows = IRIS.data.iloc[::3]
    return OTHERS[name].fit(rows, IRIS.target[::3]), rows


@pytest.mark.parametrize("name", [*CASES, *OTHERS])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_estimators_of_known_libraries_are_loaded_as_they_are(name: str, protocol: int):
    model, rows = model_and_rows(name)
    dumped = io.BytesIO()
    joblib.dump(model, dumped, protocol=protocol)
    for content in (dumped.getvalue(), pickle.dumps(model, protocol)):
        loaded = read(content, ())
        np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))


def files(folder: Path, model: Any) -> tuple[Path | str, ...]:
    """A .skops file and its sample, as arguments for `import`."""
    skops.io.dump(model, folder / "model.skops")
    IRIS.data.to_csv(folder / "rows.csv", index=False)
    return "import", folder / "model.skops", "--sample", folder / "rows.csv", "--name", "iris"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_training")
@pytest.mark.parametrize("model", [LogisticRegression(max_iter=500), RandomForestClassifier(9)])
def test_a_skops_file_is_imported(tmp_path: Path, model: Any):
    pipeline = make_pipeline(StandardScaler(), model).fit(IRIS.data, IRIS.target)
    output(tmp_path, *files(tmp_path, pipeline))
    predicted = pipeline.predict(IRIS.data).astype(str).tolist()
    assert served(latest(tmp_path, "iris"), *records(IRIS.data)) == predicted


def test_a_skops_file_with_a_foreign_function_is_refused_with_its_name(tmp_path: Path):
    steps = (FunctionTransformer(os.system), LogisticRegression())
    said = refused(tmp_path, *files(tmp_path, make_pipeline(*steps)))
    assert "would load posix.system, by which it may run any code" in said
    assert said.endswith("add --trust posix.system")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_training")
def test_only_what_is_named_is_trusted(tmp_path: Path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([Touch(tmp_path / "run"), print]))
    IRIS.frame.to_csv(tmp_path / "rows.csv", index=False)
    command = ("import", tmp_path / "model.pkl", "--sample", tmp_path / "rows.csv", "--name", "m")
    some = ("--trust", "pathlib.Path.touch", "--trust", "pathlib.PosixPath")
    said = refused(tmp_path, *command, *some)
    assert said.endswith("if you trust who made it, add --trust builtins.print")
    assert not (tmp_path / "run").exists()
    assert "holds a list" in refused(tmp_path, *trusting(tmp_path, *command, *some), *some)
    assert (tmp_path / "run").exists()


def test_a_scaler_is_read_as_carefully_as_its_model(tmp_path: Path):
    model = LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)
    joblib.dump(model, tmp_path / "model.pkl")
    (tmp_path / "scaler.pkl").write_bytes(pickle.dumps(Touch(tmp_path / "run")))
    pd.DataFrame(IRIS.data).to_csv(tmp_path / "rows.csv", index=False)
    command = ("import", tmp_path / "model.pkl", "--sample", tmp_path / "rows.csv", "--name", "m")
    scaler = f"sepal length (cm)={tmp_path / 'scaler.pkl'}"
    assert "scaler.pkl would load pathlib" in refused(tmp_path, *command, "--scaler", scaler)
    assert not (tmp_path / "run").exists()
