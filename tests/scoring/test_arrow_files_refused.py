"""Files of Arrow that are damaged or of another kind are refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from arrow_files import records, write
from conftest import GOOD, MODELS
from pyarrow import ipc

from serving.models import artefact
from serving.models.engine import Engine
from serving.scoring.parts import plan
from serving.scoring.run import Options, Source
from serving.scoring.tasks import Failed, Plan, Planned, Predict
from serving.scoring.worker import Worker

ENGINE = Engine(artefact.read(MODELS, "wine", 1, ()))


def content_of(new: Any = ipc.new_file) -> bytes:
    sink, data = pa.BufferOutputStream(), records()
    with new(sink, data.schema) as writer:
        writer.write_table(data)
    return bytes(sink.getvalue())


def refusal(file: Path) -> str:
    """Why a file is not predicted."""
    worker = Worker(ENGINE, Options(samples=20), str(file.parent / "out"), lambda _: None)
    source = Source(str(file.parent), file.name, file.stat().st_size, "")
    result = worker.carry_out(Plan(source))
    if isinstance(result, Planned):
        (part,) = plan([source], [result.groups])
        result = worker.carry_out(Predict(part, [*result.kept]))
    assert isinstance(result, Failed)
    return result.message


FILE, STREAM = content_of(), content_of(ipc.new_stream)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it begins neither as a file of Parquet nor as one of Arrow does"),
        (b"pH\n3.0\n", "it begins neither as a file of Parquet nor as one of Arrow does"),
        (b"FEA1" + bytes(100), "it is of the first version of Feather; write it again"),
        (b"ARROW1", ""),
        (b"ARROW1\0\0" + b"x" * 100 + b"ARROW1", ""),
        (FILE[:-100], ""),
        (FILE[: len(FILE) // 2], ""),
        (FILE[:800] + bytes(400) + FILE[1200:], ""),
        (STREAM[:-100], ""),
        (b"\xff" * 4, ""),
        (b"\xff" * 8, ""),
        (b"\xff" * 4 + b"\xff\xff\xff\x7f" + bytes(64), ""),
        (b"\xff" * 4 + bytes(64), ""),
        (b"PARE" + bytes(64) + b"PARE", ""),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "a.arrow"
    file.write_bytes(content)
    assert refusal(file).startswith(f"{file}: {message}")


@pytest.mark.parametrize("damaged", ["offsets", "codes"])
def test_damaged_offsets_and_codes_are_refused(tmp_path: Path, damaged: str):
    """Offsets of texts point outside, or a code is of no entry of the dictionary."""
    data = pa.Table.from_pylist([GOOD] * 4)
    place = data.schema.get_field_index("color")
    if damaged == "offsets":
        offsets = pa.py_buffer(np.array([0, 1000, 8, 12, 16], np.int32).tobytes())
        texts = data.column("color").combine_chunks().buffers()[2]
        column = pa.Array.from_buffers(pa.string(), 4, [None, offsets, texts])
    else:
        codes = pa.py_buffer(np.array([0, 9, 0, 0], np.int8).tobytes())
        kind = pa.dictionary(pa.int8(), pa.string())
        column = pa.DictionaryArray.from_buffers(kind, 4, [None, codes], pa.array(["red"]))
    write(tmp_path / "a.arrow", data.set_column(place, "color", column))
    assert refusal(tmp_path / "a.arrow").startswith(f"{tmp_path}/a.arrow: ")
