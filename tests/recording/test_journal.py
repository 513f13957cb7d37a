"""Every answer has its line in the journal; what a line that is torn or cut off costs."""

import io
import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import body, moved, predict, wine
from entries import predicted

from app import create_app
from serving.recording.segments import read_chunks
from serving.settings import Settings


def test_nothing_is_recorded_without_a_journal(tmp_path: Path):
    client = create_app(Settings(var_dir=tmp_path / "var", journal=False)).test_client()
    id_ = predict(client, wine())["id"]
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["metrics"]  # bare counts
    assert client.post("/feedback", **body({"id": id_, "actual": "bom"})).status_code == 404
    assert client.get("/health/ready").json["journal"] == {"state": "off"}


@pytest.mark.parametrize("required", [False, True])
def test_a_journal_that_cannot_be_written_is_reported_and_recovers(tmp_path: Path, required: bool):
    folder = tmp_path / "var"
    folder.write_text("in the way")
    client = create_app(Settings(var_dir=folder, journal_required=required)).test_client()
    answers = [client.post("/predict", **body([wine(), wine()])) for _ in range(3)]
    ready = client.get("/health/ready")
    known = "wine.1.19aa63c2f3c0123456789abcdef"
    feedback = client.post("/feedback", **body({"id": known, "actual": "bom"}))
    assert {answer.status_code for answer in answers} == {503 if required else 200}
    assert feedback.status_code == 503
    assert ready.status_code == (503 if required else 200)
    assert (
        ready.json["journal"].items() >= {"state": "failing", "lost": 0 if required else 6}.items()
    )
    folder.unlink()
    assert client.get("/health/ready").json["journal"]["state"] == "recording"
    assert client.get(f"/predictions/{predict(client, wine())['id']}").status_code == 200


class Growing(io.RawIOBase):
    """A file that ends within a line when that is read, and has the rest a moment later."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, _whence: int = 0) -> int:
        return position

    def readinto(self, buffer: Any) -> int:
        part = self.parts.pop(0) if self.parts else b""
        buffer[: len(part)] = part
        return len(part)


def test_a_line_that_is_being_written_is_read_later():
    before, line = (msgspec.json.encode(predicted(name)) + b"\n" for name in "ab")
    growing = io.BufferedReader(Growing(before + line[:40], b"", line[40:]))
    (seen,) = read_chunks(growing)
    assert [entry.ids for entry in seen.entries] == [["a"]]
    assert (seen.end, seen.torn) == (len(before), 0)


def test_torn_lines_are_skipped_and_counted(settings: Settings):
    client = create_app(settings).test_client()
    ids = [predict(client, wine())["id"] for _ in range(2)]
    (segment,) = settings.journal_dir.glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    torn = settings.journal_dir / "0-another-1.jsonl"
    torn.write_bytes(lines[0] + lines[0][:40] + b"\n" + b" " * 50 + b"\n" + lines[1][:99])
    segment.unlink()
    with closing(moved(settings)) as store:
        assert store.prediction(ids[0])
        assert not store.prediction(ids[1])
        assert [position.torn for position in store.positions().values()] == [2]
    assert not torn.exists()


def test_a_line_cut_off_by_a_full_disk_spoils_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    client = create_app(settings).test_client()
    write = os.write
    cut = [40, 60]

    def with_little_room(file: int, line: bytes) -> int:
        return write(file, line[: cut.pop()] if cut else line)

    first = predict(client, wine())["id"]
    with monkeypatch.context() as patch:
        patch.setattr("serving.recording.segments.os.write", with_little_room)
        torn = [predict(client, wine())["id"] for _ in range(2)]
        last = predict(client, wine())["id"]
    assert client.get("/health/ready").json["journal"]["lost"] == 2
    with closing(moved(settings)) as store:
        assert [bool(store.prediction(id_)) for id_ in (first, *torn, last)] == [1, 0, 0, 1]


def test_an_incomplete_line_is_read_when_it_is_complete(settings: Settings):
    client = create_app(settings).test_client()
    predict(client, wine())
    (segment,) = settings.journal_dir.glob("*.jsonl")
    line = segment.read_bytes()
    segment.write_bytes(line + line[:99])
    with segment.open("rb") as reader, segment.open("ab") as writer:
        chunks = read_chunks(reader)
        seen = [next(chunks)]
        writer.write(line[99:])
        writer.flush()
        seen += chunks
        seen += read_chunks(reader, seen[-1].end)
    assert sum(len(chunk.entries) for chunk in seen) == 2
    assert sum(chunk.torn for chunk in seen) == 0
    assert seen[-1].end == 2 * len(line)


@pytest.mark.slow
def test_lines_of_many_threads_do_not_mix(settings: Settings):
    client = create_app(settings)
    ids: list[str] = []

    def ask() -> None:
        mine = client.test_client()
        ids.extend(predict(mine, wine())["id"] for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 400
    with closing(moved(settings)) as store:
        assert all(store.prediction(id_) for id_ in ids)
