"""Values that must not be recorded are left out or hashed, wherever a record is kept."""

import json
from dataclasses import replace
from typing import Any

import pytest
from conftest import moved, predict, wine

from app import create_app
from serving.errors import ServingError
from serving.settings import Settings

SALT = "sixteen or more characters"


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
