"""A webhook that accepts signed alerts and prints them."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "only the receiver knows"


class Webhook(ThreadingHTTPServer):
    """Listens until it is closed.

    Attributes
    ----------
    states : list of str
        Of each alert, "raised" or "cleared", in the order in which they came.
    """

    def __init__(self, echo: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.echo, self.states = echo, list[str]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where alerts are to be posted."""
        return f"http://127.0.0.1:{self.server_port}/"

    def close(self) -> None:
        """Listen no more."""
        self.shutdown()
        self.server_close()


class Receiver(BaseHTTPRequestHandler):
    """One message."""

    server: Webhook

    def do_POST(self) -> None:
        """Verify its signature and print it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        named = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        digest = base64.b64encode(hmac.digest(KEY.encode(), named + body, hashlib.sha256))
        is_ours = self.headers["webhook-signature"] == f"v1,{digest.decode()}"
        self.send_response(204 if is_ours else 401)
        self.end_headers()
        if is_ours:
            alert = json.loads(body)["data"]
            self.server.states.append(alert["state"])
            about = f"{alert['kind']} of {alert['model']} {alert['version']}"
            self.server.echo(f"webhook   {about} {alert['state']}: {alert['sentence']}")

    def log_message(self, *_: object) -> None:
        """Print no access log."""
