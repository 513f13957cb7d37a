"""Every setting of the service, read once from the environment."""

import math
import os
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import urlsplit

from serving.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_KEY_BYTES = 32  # of Ed25519
MAX_HOST_NAME = 253  # characters, as of a DNS name
MIN_SECRET = 32  # characters of the secret of sessions
ROUTE = re.compile(r"/[\w/.:~-]*", re.ASCII)
STORE = "store"  # a value of `journal_required`
SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}


class Limits(TypedDict, total=False):
    """What values a setting may have.

    Attributes
    ----------
    min, max : int
        1 and no maximum if not given.
    created : bool
        Whether a folder is created if it is missing.
    words : tuple of str
        What a switch may be besides on and off.
    expected : callable
        Returns what a text should be, or nothing if it is valid.
    also : tuple of str
        Other variables that it is read from, if its own is not set.
    """

    min: int
    max: int
    created: bool
    words: tuple[str, ...]
    expected: Callable[[str], str]
    also: tuple[str, ...]


def _setting(default: Any, **limits: Unpack[Limits]) -> Any:
    return field(default=default, metadata=limits)


def _url(text: str) -> str:
    expected = "the URL of a webhook, https://HOST/PATH or http://…, without user and password"
    try:
        url = urlsplit(text)
        known = url.scheme in {"http", "https"} and url.hostname and url.port != 0
        (url.hostname or "").encode("idna")
    except ValueError:  # of the port, the brackets or the name
        return expected
    sound = text.isascii() and text.isprintable() and " " not in text
    return "" if known and sound and "@" not in url.netloc else expected


def _key(text: str) -> str:
    expected = "a key: any text, or whsec_ and a key in base64"
    encoded = text.removeprefix("whsec_")
    try:
        return "" if encoded == text or b64decode(encoded, validate=True) else expected
    except ValueError:  # no base64, or not even ASCII
        return expected


def _session_secret(text: str) -> str:
    return "" if len(text) >= MIN_SECRET else f"a secret of {MIN_SECRET} characters or more"


def _public_keys(text: str) -> str:
    try:
        # Commas alone must not mean that nobody has to sign.
        sound = {len(key) for key in _decoded_keys(text)} == {PUBLIC_KEY_BYTES}
    except ValueError:
        sound = False
    return "" if sound else "public keys as `adega signing-key` prints them, with commas between"


def _host_name(text: str) -> str:
    sound = text.isprintable() and len(text) <= MAX_HOST_NAME
    return "" if sound else f"a name of {MAX_HOST_NAME} printable characters at most"


def _folder_url(text: str) -> str:
    if text.startswith(("/", "file:///")):
        return ""
    url = urlsplit(text)
    known = url.scheme in {"s3", "gs", "az"} and url.netloc and "@" not in url.netloc
    expected = "s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH or /FOLDER"
    return "" if known and not url.query and not url.fragment else expected


def _route(text: str) -> str:
    return "" if ROUTE.fullmatch(text) else "a path, as /predict"


def _decoded_keys(text: str) -> tuple[bytes, ...]:
    return tuple(b64decode(key.strip(), validate=True) for key in text.split(",") if key.strip())


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The service's settings; a field `max_records` is read from `MAX_RECORDS`."""

    host: str = "127.0.0.1"  # in the container 0.0.0.0, as it is called from outside
    host_name: str = _setting(
        "", expected=_host_name
    )  # by which GET /hosts shows this host, if not by the name of the machine
    published_host: str = ""  # address that a container's port is published at, if not HOST
    port: int = _setting(5000, max=65_535, also=("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"))
    web_concurrency: int = _setting(2, max=256)  # worker processes
    models_dir: Path = ROOT / "models"
    models_url: str = _setting("", expected=_folder_url)  # of an object store, copied to VAR_DIR
    default_model: str = "wine"  # of /predict and /example
    models_in_memory: int = 20  # versions of models that a worker keeps loaded
    trusted_keys: str = _setting("", expected=_public_keys)  # who must have signed a version
    signing_key: str = ""  # file of the private key that signs new versions
    api_keys: str = ""  # JSON: hashes of keys with their scopes
    api_keys_file: str = ""  # a file of such JSON; read again when it changes
    admin_keys: str = ""  # name:key,…: keys with the scope admin
    session_secret: str = _setting("", expected=_session_secret)  # the same on all hosts
    key_requests_per_second: int = _setting(0, min=0)  # of one key; 0 for no limit
    address_requests_per_second: int = _setting(0, min=0)  # of one address; likewise
    max_records: int = 10_000  # in one request
    max_explained: int = 1_000  # predictions of one request that are explained
    explain_seconds: int = 10  # that the sampled explanations of one request may take
    explain_samples: int = _setting(200, min=4)  # orders of the fields in a sampled explanation
    var_dir: Path = _setting(ROOT / "var", created=True)  # of the journal, the counts and SQLite
    journal: bool = True  # whether predictions are recorded
    # Whether a prediction that cannot be recorded is an error; STORE: recorded in the store.
    journal_required: bool | str = _setting(default=False, words=(STORE,))
    journal_fsync: bool = False  # whether a response waits until its record is on the disk
    journal_omit: str = ""  # JSON: by model, the fields that are not recorded
    journal_hash: str = ""  # JSON: by model, the fields that are recorded as a hash
    journal_salt: str = ""  # secret for the hashes
    retention_days: int = _setting(0, min=0)  # days that records are kept; 0 for ever
    archive_url: str = _setting("", expected=_folder_url)  # of what is older; files of Parquet
    archive_after: int = 30  # days after which records are moved there
    database_url: str = ""  # of PostgreSQL; SQLite in VAR_DIR without it
    monitor_interval: int = 300  # seconds between two checks
    monitor_rows: int = _setting(5_000, min=200)  # predictions of a version that a check uses
    monitor_days: int = 7  # age from which a check ignores a prediction
    alert_webhook: str = _setting("", expected=_url)  # alerts are posted there as JSON
    alert_webhook_key: str = _setting("", expected=_key)  # secret for their signatures
    alert_webhook_private: bool = False  # whether that URL may be in a private network
    auto_retrain: bool = False  # whether the monitor retrains and promotes by itself
    max_body_bytes: int = 16_777_216
    max_stream_bytes: int = 268_435_456  # of a body of CSV or JSON Lines
    max_spool_bytes: int = 1_073_741_824  # of all bodies that a worker keeps at the same time
    training_max_mb: int = 4_096  # megabytes of memory that a requested training may take
    training_max_minutes: int = 60  # for which it may run
    training_worker: bool = True  # whether the service starts one that carries them out
    max_head_seconds: int = 10  # in which the head of a request has to arrive
    max_stall_seconds: int = 10  # for which a client may keep its own request waiting
    min_bytes_per_second: int = 500  # by which a client may keep it waiting longer
    cors_origins: str = ""  # origins whose pages may call the service, with commas; * for all
    trusted_proxies: str = ""  # addresses and networks whose X-Forwarded-… are believed
    predict_route: str = _setting("", expected=_route)  # another path of /predict
    aip_predict_route: str = _setting("", expected=_route)  # of Vertex AI
    aip_health_route: str = _setting("", expected=_route)  # likewise
    sagemaker_batch: bool = False  # whether SageMaker runs a batch transform, and sets it to true
    allowed_hosts: str = _setting(  # names by which browsers may open the service, with commas
        "", also=("RENDER_EXTERNAL_HOSTNAME", "HEROKU_APP_DEFAULT_DOMAIN_NAME")
    )

    def __post_init__(self) -> None:
        """Let everything read the copy of an object store, where there is one."""
        if self.archive_url and 0 < self.retention_days <= self.archive_after:
            raise SettingsError(
                f"ARCHIVE_AFTER={self.archive_after} is not before RETENTION_DAYS="
                f"{self.retention_days}: records would be deleted before they are archived"
            )
        if self.models_url:
            object.__setattr__(self, "models_dir", self.var_dir / "models")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; an unset or empty one has its default.

        Raises
        ------
        SettingsError
            With the variable, its value and what is accepted.
        """
        given = {}
        for setting in fields(cls):
            for variable in (setting.name.upper(), *setting.metadata.get("also", ())):
                if text := environment.get(variable, "").strip():
                    given[setting.name] = _parse(variable, text, setting.default, setting.metadata)
                    break
        return cls(**given)

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """The keys one of which must have signed a version; none if unsigned ones are served."""
        return _decoded_keys(self.trusted_keys)

    @property
    def journal_dir(self) -> Path:
        """The folder of the journal."""
        return self.var_dir / "journal"

    @property
    def metrics_dir(self) -> Path:
        """The folder of the counts of requests and predictions."""
        return self.var_dir / "metrics"

    @property
    def served_dir(self) -> Path:
        """The folder of what each worker serves."""
        return self.var_dir / "served"

    @property
    def decisions_dir(self) -> Path:
        """The folder of decisions on versions if the models' folder is read-only."""
        return self.var_dir / "decisions"

    @property
    def trainings_dir(self) -> Path:
        """The folder of the trainings that are requested over HTTP."""
        return self.var_dir / "trainings"

    @property
    def sqlite_file(self) -> Path:
        """The store's file, unless `DATABASE_URL` is set."""
        return self.var_dir / "serving.db"

    @property
    def store_url(self) -> str:
        """The URL of the store, for SQLAlchemy."""
        return self.database_url or f"sqlite:///{self.sqlite_file}"


def _parse(variable: str, text: str, default: Any, limits: Mapping[str, Any]) -> Any:
    if isinstance(default, Path):
        if not (limits.get("created") or Path(text).is_dir()):
            raise SettingsError(f"{variable}={text!r} is not a folder")
        return Path(text)
    if isinstance(default, str):
        if expected := limits["expected"](text) if "expected" in limits else "":
            raise SettingsError(f"{variable} is not {expected}")  # not quoted: may be a secret
        return text
    if isinstance(default, bool):
        words = {word: word for word in limits.get("words", ())}
        if text not in SWITCH | words:
            accepted = ", ".join([*SWITCH, *words])
            raise SettingsError(f"{variable}={text!r} is not one of {accepted}")
        return (SWITCH | words)[text]
    return _whole(variable, text, limits.get("min", 1), limits.get("max", math.inf))


def _whole(variable: str, text: str, min_: int, max_: float) -> int:
    with suppress(ValueError):
        if min_ <= int(text) <= max_:
            return int(text)
    at_most = f", at most {max_}" if max_ < math.inf else ""
    message = f"{variable}={text!r} is not a whole number of at least {min_}{at_most}"
    raise SettingsError(message)
