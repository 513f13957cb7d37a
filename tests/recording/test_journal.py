"""Every answer has its line in the journal; what a line may hold, and when it goes."""

import io
import json
import os
import signal
import threading
import time
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import (
    PATIENCE,
    body,
    children,
    get,
    gunicorn,
    moved,
    predict,
    running,
    wait_until,
    wine,
)
from entries import predicted

from app import create_app
from serving import clock
from serving.errors import ServingError
from serving.recording import collector
from serving.recording.collector import Collector
from serving.recording.entry import PredictionEntry
from serving.recording.segments import read_chunks
from serving.recording.status import Status
from serving.recording.store import Store
from serving.settings import Settings

KNOWN = "wine.1.19aa63c2f3c0123456789abcdef"
SALT = "sixteen or more characters"


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
    feedback = client.post("/feedback", **body({"id": KNOWN, "actual": "bom"}))
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


def kept(settings: Settings, record: dict[str, Any]) -> Any:
    """The API's response about a prediction, and all the bytes of its record."""
    client = create_app(settings).test_client()
    id_ = predict(client, record)["id"]
    (segment,) = settings.journal_dir.glob("*.jsonl")
    return client.get(f"/predictions/{id_}").json, segment.read_text()


def test_omitted_fields_are_nowhere_in_the_record(settings: Settings):
    shown, line = kept(replace(settings, journal_omit='{"wine": ["alcohol"]}'), wine(alcohol=14.97))
    assert shown["record"] == {name: wine()[name] for name in wine() if name != "alcohol"}
    assert shown["warnings"] == []
    assert "14.97" not in line


@pytest.mark.parametrize("setting", ["journal_omit", "journal_hash"])
def test_the_name_of_an_unknown_field_is_in_the_response_but_not_recorded(
    settings: Settings, setting: str
):
    """A table's heading may be anything, a person's number too."""
    record = wine(alcohol=14.97, pH=2.5) | {"123.456.789-09": 1, "Ana": None}
    settings = replace(settings, **{setting: '{"wine": ["alcohol"]}'}, journal_salt=SALT)
    client = create_app(settings).test_client()
    response = predict(client, record)
    assert {"123.456.789-09", "Ana"} < {each["field"] for each in response["warnings"]}
    for kind in ("text/csv", "application/jsonl"):
        text = json.dumps(record)
        if kind == "text/csv":
            text = "\n".join(",".join(map(str, each)) for each in (record, record.values()))
        assert client.post("/predict", data=text, content_type=kind).status_code == 200
    shown = client.get(f"/predictions/{response['id']}").json
    assert [each["field"] for each in shown["warnings"]] == ["pH"]
    moved(settings).close()
    kept_files = [file for file in settings.var_dir.rglob("*") if file.is_file()]
    for word in (b"123.456.789-09", b"Ana"):
        assert [file for file in kept_files if word in file.read_bytes()] == []


def test_foreign_files_do_not_stop_the_collector(settings: Settings):
    client = create_app(settings).test_client()
    id_ = predict(client, wine())["id"]
    (settings.journal_dir / "0-folder.jsonl").mkdir()
    (settings.journal_dir / "0-loop.jsonl").symlink_to("0-loop.jsonl")
    Path(os.fsdecode(os.fsencode(settings.journal_dir) + b"/0-caf\xe9.jsonl")).write_bytes(b"{}\n")
    (settings.journal_dir / "0-bytes.jsonl").write_bytes(bytes(range(256)) * 10)
    with closing(moved(settings)) as store:
        assert store.prediction(id_)
    assert client.get(f"/predictions/{id_}").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_a_hash_replaces_a_value_and_depends_on_the_salt(settings: Settings):
    hashed = replace(settings, journal_hash='{"wine": ["alcohol"]}', journal_salt=SALT)
    shown, line = kept(hashed, wine(alcohol=14.97))
    assert "14.97" not in line
    assert len(shown["record"]["alcohol"]) == 32
    again, _ = kept(replace(hashed, var_dir=settings.var_dir / "2"), wine(alcohol=14.97))
    other, _ = kept(
        replace(hashed, var_dir=settings.var_dir / "3", journal_salt=SALT[::-1]),
        wine(alcohol=14.97),
    )
    assert again["record"] == shown["record"] != other["record"]


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (
            "journal_omit",
            "alcohol",
            "JOURNAL_OMIT='alcohol' is not a JSON object of fields by model",
        ),
        ("journal_omit", '{"vine": ["pH"]}', "JOURNAL_OMIT: no model 'vine' is served"),
        ("journal_hash", '{"wine": ["PH"]}', "JOURNAL_HASH: wine 1 has no field 'PH'"),
        ("journal_hash", '{"wine": ["pH"]}', "JOURNAL_HASH needs a JOURNAL_SALT"),
    ],
)
def test_a_misspelt_private_field_stops_the_start(
    settings: Settings, setting: str, value: str, message: str
):
    salt = "" if "needs" in message else SALT
    with pytest.raises(ServingError, match=message):
        create_app(replace(settings, **{setting: value}, journal_salt=salt))


def test_old_records_are_deleted_from_the_store(settings: Settings):
    client = create_app(settings).test_client()
    with closing(moved(settings)) as store:
        old = PredictionEntry(
            time=clock.now() - 3 * clock.DAY,
            model="wine",
            version=1,
            request_id="mine",
            duration=1,
            ids=[KNOWN],
            fields=["pH"],
            records=[[3.3]],
            predictions=["bom"],
        )
        store.add([old], {})
        assert client.get(f"/predictions/{KNOWN}").status_code == 200
        id_ = predict(client, wine())["id"]
        collecting = Collector(settings.journal_dir, store, days=2)
        collecting.attempt()
        collecting.delete_expired()
    assert client.get(f"/predictions/{KNOWN}").status_code == 404
    assert client.get(f"/predictions/{id_}").status_code == 200


@pytest.mark.parametrize("days", [0, 2])
def test_the_collector_deletes_old_records_if_days_are_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, days: int
):
    monkeypatch.setenv("SQLITE_TMPDIR", str(settings.var_dir))
    deleted = threading.Event()

    def pause(seconds: float) -> bool:
        """End when the thread that deletes has done so, where there is one."""
        if seconds == collector.HOUR:
            deleted.set()
        elif days:
            assert deleted.wait(PATIENCE)
        return False

    with closing(moved(settings)) as store:
        store.add([predicted("old")], {})
        collector.run(replace(settings, retention_days=days), pause)
        assert (store.prediction("old") is None) == bool(days)


def test_old_records_are_deleted_from_the_journal_while_the_store_is_down(settings: Settings):
    settings.journal_dir.mkdir(parents=True)
    days_ago = time.time() - 3 * 86_400
    for name in ("old", "new"):
        segment = settings.journal_dir / f"{name}.jsonl"
        segment.write_text("{}\n")
    os.utime(settings.journal_dir / "old.jsonl", (days_ago, days_ago))
    with closing(Store(f"sqlite:///{settings.var_dir}/no/such/folder/store.db")) as store:
        collecting = Collector(settings.journal_dir, store, days=2)
        for _ in range(2):
            collecting.attempt()
    assert [path.stem for path in settings.journal_dir.glob("*.jsonl")] == ["new"]
    shown = Status.read(settings.journal_dir)
    assert shown
    assert (shown.waiting, "unable to open" in shown.reason) == (3, True)


@pytest.mark.slow
def test_another_collector_takes_over(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        request = urllib.request.Request(f"{server.url}/predict", json.dumps(wine()).encode())
        for worker in children(server.process.pid):
            for companion in children(worker):
                os.kill(companion, signal.SIGKILL)
        wait_until(lambda: "replacing its worker" in server.log.read_text())
        with urllib.request.urlopen(request) as answer:
            id_ = json.load(answer)["id"]

        def listed() -> bool:
            status, found = get(f"{server.url}/models/wine/predictions")
            return status == 200 and [one["id"] for one in found["predictions"]] == [id_]

        wait_until(listed)
