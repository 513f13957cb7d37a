"""Write the table in docs/security.md: each route, asked with each kind of key.

`python docs/security.py` does it; tests/access/test_routes.py compares it with what is committed.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/security.md"
BEGIN, END = "<!-- made by docs/security.py -->\n", "<!-- end -->"
WRONG = "adega_" + "x" * 43
OF_INSTANCES = {"kserve", "mlflow", "sagemaker", "vertex"}  # protocols, by their bodies
OF_FLASK = {"HEAD", "OPTIONS"}


def table() -> str:
    """The table, from a service with a key for each scope and one without any keys."""
    from serving.access import entries
    from serving.access.callers import SCOPES

    keys = {scope: entries.generate() for scope in SCOPES}
    written = {
        scope: {"sha256": entries.hash_of(key).hex(), "scopes": [scope]}
        for scope, key in keys.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        keyed = _client(Path(folder), api_keys=json.dumps(written))
        open_ = _client(Path(folder))
        columns = {
            "no keys set": (open_, ""),
            "no key sent": (keyed, ""),
            "a wrong key": (keyed, WRONG),
            **{f"`{scope}`": (keyed, key) for scope, key in keys.items()},
        }
        calls = [*_calls(keyed, keys["predict"])]
        lines = [
            f"| route | {' | '.join(columns)} |",
            f"|---|{'---|' * len(columns)}",
        ]
        for number, (name, method, path, sent) in enumerate(calls):
            statuses = [
                client.open(
                    path,
                    method=method,
                    headers={"Authorization": f"Bearer {key}"} if key else {},
                    # Wrong keys slow one down; without any, only the own machine may do everything.
                    environ_base={
                        "REMOTE_ADDR": "127.0.0.1" if client is open_ else f"10.0.{number}.1"
                    },
                    **({"data": {"key": key}} if path == "/login" and sent else sent),
                ).status_code
                for client, key in columns.values()
            ]
            lines.append(f"| `{name}` | {' | '.join(map(str, statuses))} |")
    return "\n".join(lines)


def _client(folder: Path, **keys: str) -> Any:
    from app import create_app
    from serving.recording.store import Store
    from serving.settings import Settings

    settings = Settings(var_dir=folder, **keys)
    with closing(Store(settings.store_url)) as store:
        store.migrate()
    return create_app(settings).test_client()


def _calls(client: Any, key: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Each route by its name, with a request that it accepts."""
    record = (ROOT / "bom.json").read_text()
    sent = client.post("/predict", data=record, headers={"X-API-Key": key}).get_json()
    values = {"name": "wine", "version": 1, "prediction_id": sent["id"], "sent": "any"}
    values |= {"subject": "customer-17", "label": "stable", "project": "p", "location": "l"}
    bodies = {
        "/feedback": {"id": sent["id"], "actual": "bom"},
        "/erasures": {"ids": [sent["id"]]},
        "/models/<name>/versions": {"action": "promote", "version": 99},
    }
    bodies["/v2/models/<name>/infer"] = _tensors(json.loads(record))
    bodies["/v2/models/<name>/versions/<int:version>/infer"] = _tensors(json.loads(record))
    found = set()
    for rule in client.application.url_map.iter_rules():
        given = {each: values.get(each, "icon.svg") for each in rule.arguments}
        _, path = rule.build(given) or ("", "")
        for method in sorted((rule.methods or set()) - OF_FLASK):
            body = json.dumps(bodies[rule.rule]) if rule.rule in bodies else record
            if rule.endpoint.partition(".")[0] in OF_INSTANCES:
                body = f'{{"instances": [{record}]}}'
            about = {} if method == "GET" else {"data": body, "content_type": "application/json"}
            name = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: part[1].upper(), rule.rule)
            found.add((f"{method} {name}", method, path, tuple(about.items())))
    for name, method, path, about in sorted(found, key=lambda call: (call[2], call[1])):
        yield name, method, path, dict(about)


def _tensors(record: dict[str, Any]) -> dict[str, Any]:
    """A record as an inference request of V2."""
    inputs = [
        {
            "name": name,
            "shape": [1, 1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value],
        }
        for name, value in record.items()
    ]
    return {"inputs": inputs}


def text() -> str:
    """The page with the table as it is now."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(text(), encoding="utf-8")
