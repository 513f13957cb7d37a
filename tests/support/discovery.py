"""What an API server of Kubernetes answers about its kinds, so that kubectl works without one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLUSTER_WIDE = {"Namespace"}


@contextmanager
def discovery(kinds: set[tuple[str, str]]) -> Iterator[str]:
    """Serve a list of kinds, each with the group and version it is in; yields the URL.

    Nothing can be created: kubectl only asks for the kinds with --dry-run=client.
    """
    answers = _answers(kinds)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            body = json.dumps(answer).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answers(kinds: set[tuple[str, str]]) -> dict[str, Any]:
    versions = sorted({version for version, _ in kinds if "/" in version})
    groups = [
        {
            "name": each.partition("/")[0],
            "versions": [{"groupVersion": each, "version": each.partition("/")[2]}],
        }
        for each in versions
    ]
    answers: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version in {version for version, _ in kinds}:
        answers[f"/{'apis' if '/' in version else 'api'}/{version}"] = {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": [
                {
                    "name": f"{kind.lower()}s",
                    "namespaced": kind not in CLUSTER_WIDE,
                    "kind": kind,
                    "verbs": ["create", "get"],
                }
                for of, kind in sorted(kinds)
                if of == version
            ],
        }
    return answers
