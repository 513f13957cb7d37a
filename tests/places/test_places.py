"""Addresses of files, folders and globs, here and in object stores."""

from pathlib import Path

import pytest

from serving.errors import NotFound
from serving.places.addresses import ALL, Given, given
from serving.places.patterns import matches
from serving.places.places import Folder


@pytest.mark.parametrize(
    ("address", "root", "pattern"),
    [
        ("s3://lake/wines/*.parquet", "s3://lake/wines", ("*.parquet",)),
        ("s3://lake/wines/day=*/**/x?.parquet", "s3://lake/wines", ("day=*", "**", "x?.parquet")),
        ("s3://lake/wines/a.parquet", "s3://lake/wines", ("a.parquet",)),
        ("s3://lake/wines/A.PARQUET", "s3://lake/wines", ("A.PARQUET",)),
        ("s3://lake/*.parquet", "s3://lake", ("*.parquet",)),
        ("gs://lake/wines/", "gs://lake/wines", ALL),
        ("gs://lake", "gs://lake", ALL),
        ("az://account/container/a.parquet", "az://account/container", ("a.parquet",)),
        ("/nowhere/*/[ab].parquet", "/nowhere", ("*", "[ab].parquet")),
        ("/*.parquet", "/", ("*.parquet",)),
        ("file:///nowhere/my%20wines/?.parquet", "/nowhere/my wines", ("?.parquet",)),
    ],
)
def test_an_address_is_a_folder_and_a_pattern_in_it(
    address: str, root: str, pattern: tuple[str, ...]
):
    assert given(address) == Given(root, pattern)


@pytest.mark.parametrize(
    "address", ["https://x/a.parquet", "s3a://x/a.parquet", "ftp://x/a", "s3://*/a.parquet"]
)
def test_other_addresses_are_refused(address: str):
    with pytest.raises(NotFound, match=r"not read over https|none of s3://|names no bucket"):
        given(address)


@pytest.mark.parametrize(
    ("name", "pattern", "is_match"),
    [
        ("a.parquet", ("*.parquet",), True),
        ("b/a.parquet", ("*.parquet",), False),
        ("b/c/a.parquet", ("**", "*.parquet"), True),
        ("a.parquet", ("**", "*.parquet"), True),
        ("b/c/a.parquet", ("*", "*.parquet"), False),
        ("day=1/a.parquet", ("day=[12]", "a.*"), True),
        ("A.parquet", ("a.parquet",), False),
        ("a.parquet.tmp", ("*.parquet",), False),
    ],
)
def test_a_star_stands_for_no_slash(name: str, pattern: tuple[str, ...], *, is_match: bool):
    assert matches(name, pattern) is is_match


def test_a_link_to_nothing_is_no_file(tmp_path: Path):
    (tmp_path / "a.parquet").touch()
    (tmp_path / "gone.parquet").symlink_to(tmp_path / "none")
    assert [*Folder(str(tmp_path)).find(ALL)] == ["a.parquet"]


def test_each_file_of_a_folder_is_found_once_however_links_go_round(tmp_path: Path):
    lake = tmp_path / "lake"
    (lake / "day=1" / "[a]").mkdir(parents=True)
    for name in ("day=1/[a]/a.parquet", "day=1/b.parquet", "c.parquet"):
        (lake / name).touch()
    (lake / "d.parquet").symlink_to(lake / "c.parquet")
    for number in range(3):
        (lake / f"round{number}").symlink_to(lake, target_is_directory=True)
    names = {"day=1/[a]/a.parquet", "day=1/b.parquet", "c.parquet", "d.parquet"}
    assert {*Folder(str(lake)).find(ALL)} == names
    (tmp_path / "link").symlink_to(lake, target_is_directory=True)
    assert {*Folder(str(tmp_path / "link")).find(ALL)} == names
    assert {*Folder(str(lake)).find(("day=*", "**", "*.parquet"))} == {
        "day=1/[a]/a.parquet",
        "day=1/b.parquet",
    }
    assert {*Folder(str(tmp_path)).find(("link", "*.parquet"))} == {
        "link/c.parquet",
        "link/d.parquet",
    }


def test_a_file_that_is_written_appears_as_a_whole_or_not_at_all(tmp_path: Path):
    folder = Folder(str(tmp_path / "new"))
    with folder.writing("a") as file:
        file.write(b"whole")
        assert folder.names() != {"a"}
    assert (folder.names(), folder.read("a")) == ({"a"}, b"whole")
    with pytest.raises(TypeError), folder.writing("a") as file:
        file.write("half")
    assert (folder.names(), folder.read("a"), folder.read("b")) == ({"a"}, b"whole", None)
