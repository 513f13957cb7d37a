"""`adega predict` from and to a server of S3's protocol, which is slow, fails, and comes back."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pytest
from conftest import BAD, GOOD, ROOT
from obstore.store import S3Store
from proxy import Proxy
from pyarrow import parquet
from servers import wait_until
from test_s3 import proxy, s3  # noqa: F401 - fixtures

FILES, ROWS = 6, 400


def command(
    url: str, folder: Path, *options: str, output: str = "", **given: Any
) -> subprocess.Popen[str]:
    """Start the command."""
    output = output or f"{url}/scored"
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "serving", "predict", "wine", f"{url}/wines/day=*/*.parquet"),
            *("-o", output, "--jobs", "2", "--json", *options),
        ],
        cwd=ROOT,
        env={**os.environ, "VAR_DIR": str(folder / "var")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **given,
    )


def objects() -> Any:
    """The bucket, whatever stands in front of it."""
    names = ("endpoint_url", "access_key_id", "secret_access_key", "region")
    given = {name: os.environ[f"AWS_{name.upper()}"] for name in names}
    return S3Store("adega", config=given, client_options={"allow_http": True})


@pytest.fixture
def url(proxy: Proxy, request: pytest.FixtureRequest, tmp_path: Path) -> str:  # noqa: F811
    """A lake with files of wines."""
    assert proxy
    name = f"lake{abs(hash(request.node.name))}"
    for place in range(FILES):
        rows = [{"id": place * ROWS + row, **(BAD if row % 3 else GOOD)} for row in range(ROWS)]
        file = tmp_path / "in" / f"{place}.parquet"
        file.parent.mkdir(exist_ok=True)
        parquet.write_table(pa.Table.from_pylist(rows), file, row_group_size=150)
        obstore.put(objects(), f"{name}/wines/day={place % 2}/{place}.parquet", file)
    obstore.put(objects(), f"{name}/wines/day=0/_hidden.parquet", b"none")
    obstore.put(objects(), f"{name}/wines/deeper/day=0/x.parquet", b"none")
    return f"s3://adega/{name}"


def scored(url: str) -> dict[str, bytes]:
    """What the folder of predictions has."""
    prefix = f"{url.removeprefix('s3://adega/')}/scored"
    listed = [each["path"] for page in obstore.list(objects(), prefix) for each in page]
    return {
        name.removeprefix(f"{prefix}/"): bytes(obstore.get(objects(), name).bytes())
        for name in listed
    }


def test_a_lake_is_scored_as_a_folder_is(url: str, tmp_path: Path):
    process = command(url, tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["records"] == FILES * ROWS
    found = scored(url)
    assert sorted(found) == ["_SUCCESS", "_run.json", *(f"part-0000{n}.parquet" for n in range(6))]
    local = command(url, tmp_path, output=str(tmp_path / "out"))
    local.communicate()
    assert local.returncode == 0
    for name, content in found.items():
        if name.startswith("part"):
            assert (tmp_path / "out" / name).read_bytes() == content
    ids = [
        each
        for place in range(FILES)
        for each in parquet.read_table(pa.BufferReader(found[f"part-0000{place}.parquet"]))
        .column("id")
        .to_pylist()
    ]
    assert sorted(ids) == [*range(FILES * ROWS)]


@pytest.mark.parametrize("mode", ["503", "slow"])
def test_a_server_that_fails_for_a_while_is_waited_for(
    url: str,
    proxy: Proxy,  # noqa: F811
    tmp_path: Path,
    mode: Any,
):
    proxy.turn(mode)
    again = threading.Timer(8, proxy.turn, ["through"])
    again.start()
    process = command(url, tmp_path)
    _, err = process.communicate()
    again.join()
    assert process.returncode == 0, err
    assert len(scored(url)) == FILES + 2


def test_a_part_whose_upload_breaks_off_is_not_seen_and_is_written_next_time(
    url: str,
    proxy: Proxy,  # noqa: F811
    tmp_path: Path,
):
    process = command(url, tmp_path, "--explain", start_new_session=True)
    wait_until(lambda: any(name.startswith("part") for name in scored(url)))
    proxy.turn("silent")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    proxy.turn("through")
    process.communicate()  # its workers end after the part that each has in hand
    kept = scored(url)
    assert "_SUCCESS" not in kept
    for name, content in kept.items():
        if name.startswith("part"):
            assert parquet.read_table(pa.BufferReader(content)).num_rows == ROWS
    again = command(url, tmp_path, "--explain")
    out, err = again.communicate()
    assert again.returncode == 0, err
    summary = json.loads(out)
    assert (summary["parts"], summary["records"]) == (FILES, FILES * ROWS)
    assert summary["found"] >= sum(name.startswith("part") for name in kept)
    found = scored(url)
    assert {name: found[name] for name in kept} == kept


@pytest.mark.parametrize("mode", ["403", "404"])
def test_a_server_that_refuses_is_named(
    url: str,
    proxy: Proxy,  # noqa: F811
    tmp_path: Path,
    mode: Any,
):
    proxy.turn(mode)
    process = command(url, tmp_path)
    _, err = process.communicate()
    assert process.returncode == 1
    assert "the object store cannot be listed" in err
