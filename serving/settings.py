"""Every setting of the service, read once from the environment."""

import binascii
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from serving.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
SWITCH = {"on": True, "1": True, "off": False, "0": False}


def _setting(
    default: Any,
    purpose: str,
    *,
    least: int = 1,
    most: int | None = None,
    made: bool = False,
    expected: Callable[[str], str] = lambda _: "",
) -> Any:
    """A setting; `expected` says what a text should be, if it is not."""
    limits = {"least": least, "most": most, "made": made, "expected": expected}
    return field(default=default, metadata={"purpose": purpose} | limits)


def _url(text: str) -> str:
    wanted = "the URL of a webhook, https://HOST/PATH or http://…, without user and password"
    try:
        url = urlsplit(text)
        known = url.scheme in {"http", "https"} and url.hostname and url.port != 0
        (url.hostname or "").encode("idna")
    except ValueError:  # the port's, the brackets' or the name's
        return wanted
    sound = text.isascii() and text.isprintable() and " " not in text
    return "" if known and sound and "@" not in url.netloc else wanted


def _key(text: str) -> str:
    wanted = "a key: any text, or whsec_ and a key in base64"
    encoded = text.removeprefix("whsec_")
    try:
        return "" if encoded == text or b64decode(encoded, validate=True) else wanted
    except binascii.Error:
        return wanted


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service's settings; a field `max_records` is read from `MAX_RECORDS`."""

    host: str = _setting("0.0.0.0", "address gunicorn listens on; `make serve` uses 127.0.0.1")  # noqa: S104 - a container is reached from outside it
    port: int = _setting(5000, "port to listen on", most=65535)
    web_concurrency: int = _setting(2, "worker processes", most=256)
    models_dir: Path = _setting(ROOT / "models", "folder of the artefacts")
    default_model: str = _setting("wine", "model behind /predict and /example")
    models_in_memory: int = _setting(20, "most versions of models that a worker keeps loaded")
    admin_keys: str = _setting("", "name:key,…: who may put versions live over HTTP")
    max_records: int = _setting(10_000, "most records in one request")
    var_dir: Path = _setting(ROOT / "var", "folder of the journal and of SQLite", made=True)
    journal: bool = _setting(default=True, purpose="whether predictions are recorded")
    journal_required: bool = _setting(default=False, purpose="no answer without its record")
    journal_fsync: bool = _setting(default=False, purpose="wait for the disk with each record")
    journal_omit: str = _setting("", "JSON: by model, the fields that are not recorded")
    journal_hash: str = _setting("", "JSON: by model, the fields recorded as a hash")
    journal_salt: str = _setting("", "secret that the hashes are made with")
    retention_days: int = _setting(0, "days that records are kept; 0 for ever", least=0)
    database_url: str = _setting("", "PostgreSQL's URL; SQLite in VAR_DIR if not given")
    monitor_interval: int = _setting(300, "seconds between two passes of the monitor")
    monitor_rows: int = _setting(5_000, "most predictions that a pass looks at", least=200)
    monitor_days: int = _setting(7, "days after which a pass leaves a prediction out")
    alert_webhook: str = _setting("", "URL that alerts are posted to, as JSON", expected=_url)
    alert_webhook_key: str = _setting("", "secret that these posts are signed with", expected=_key)
    alert_webhook_private: bool = _setting(
        default=False, purpose="whether that URL may be of this machine or a private network"
    )
    auto_retrain: bool = _setting(
        default=False, purpose="whether the monitor retrains, tries and puts live by itself"
    )
    max_body_bytes: int = _setting(16_777_216, "largest request body, in bytes")
    max_stream_bytes: int = _setting(268_435_456, "largest body of CSV or JSON Lines, in bytes")
    cors_origins: str = _setting("", "origins whose pages may ask, with commas; * for all")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings, taking the default of each that is unset or empty.

        Raises
        ------
        SettingsError
            Names the variable, its value and what would be accepted.
        """
        given = {}
        for setting in fields(cls):
            variable = setting.name.upper()
            if text := environment.get(variable, "").strip():
                given[setting.name] = _parse(variable, text, setting.default, setting.metadata)
        return cls(**given)

    @property
    def journal_dir(self) -> Path:
        """Where the journal is."""
        return self.var_dir / "journal"

    @property
    def metrics_dir(self) -> Path:
        """Where requests and predictions are counted."""
        return self.var_dir / "metrics"

    @property
    def decisions_dir(self) -> Path:
        """Where decisions on versions are that may not be written into the models' folder."""
        return self.var_dir / "decisions"

    @property
    def store_url(self) -> str:
        """Where the store is, for SQLAlchemy."""
        return self.database_url or f"sqlite:///{self.var_dir / 'serving.db'}"


def _parse(variable: str, text: str, default: Any, limits: Mapping[str, Any]) -> Any:
    if isinstance(default, Path):
        if not (limits["made"] or Path(text).is_dir()):
            raise SettingsError(f"{variable}={text!r} is not a folder")
        return Path(text)
    if isinstance(default, str):
        if expected := limits["expected"](text):  # not quoted: it may hold a secret
            raise SettingsError(f"{variable} is not {expected}")
        return text
    if isinstance(default, bool):
        if text not in SWITCH:
            raise SettingsError(f"{variable}={text!r} is not one of {', '.join(SWITCH)}")
        return SWITCH[text]
    least, most = limits["least"], limits["most"]
    wanted = f"a whole number of at least {least}" + (f", at most {most}" if most else "")
    try:
        number = int(text)
    except ValueError:
        raise SettingsError(f"{variable}={text!r} is not {wanted}") from None
    if number < least or (most is not None and number > most):
        raise SettingsError(f"{variable}={text!r} is not {wanted}")
    return number
