"""Commands that make, list and remove the keys of `API_KEYS_FILE`."""

from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec

from serving.access import entries
from serving.access.entries import Entry
from serving.commands.group import AS_JSON
from serving.errors import SettingsError
from serving.settings import Settings

WHERE = "adega keys"


@click.group(
    epilog="""\b
    Examples:
      adega keys add shop --scope predict,feedback --model wine
      adega keys add grafana --scope metrics --expires 2027-06-30
      adega keys list
      adega keys remove shop
    """
)
def keys() -> None:
    """Make, list and remove keys, in the file that API_KEYS_FILE names.

    A running service follows within a second. The file has only hashes of the keys.
    """


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="Such as predict,feedback.")
@click.option("--model", "models", multiple=True, help="Only for such as wine,loans.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="From this day on invalid, UTC.")
@click.pass_obj
def add(
    settings: Settings,
    name: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    expires: datetime | None,
) -> None:
    """Make a key called NAME, and print it: it cannot be printed again.

    The scopes are predict, feedback, read (what is recorded, the monitor, decisions), metrics and
    admin, which includes all others. Without API_KEYS_FILE nothing is written, and the value of
    API_KEYS is printed too.
    """
    entries.check_name(WHERE, name)
    chosen, only = _listed(scopes), _listed(models)
    entries.check_scopes(WHERE, chosen)
    entries.check_models(WHERE, only)
    key = entries.generate()
    last = expires.date() if expires else None
    entry = Entry(entries.hash_of(key).hex(), chosen, only, last)

    def put(kept: dict[str, Entry]) -> None:
        if name in kept:
            raise SettingsError(f"there is a key {name!r} already; `{WHERE} remove {name}` first")
        kept[name] = entry

    if settings.api_keys_file:
        entries.change_file(Path(settings.api_keys_file), put)
    click.echo(key)
    if not settings.api_keys_file:
        click.echo("nothing is written without API_KEYS_FILE; instead, set", err=True)
        click.echo(f"API_KEYS='{msgspec.json.encode({name: entry}).decode()}'", err=True)


@keys.command("list")
@AS_JSON
@click.pass_obj
def list_(settings: Settings, *, as_json: bool) -> None:
    """List the keys of the file, with their scopes, models and last days; never the keys."""
    kept = entries.read_file(_file(settings))
    if as_json:
        public = {
            name: {"scopes": each.scopes, "models": each.models, "expires": each.expires}
            for name, each in kept.items()
        }
        click.echo(msgspec.json.encode(public))
        return
    for name, entry in kept.items():
        limits = f", models {', '.join(entry.models)}" if entry.models else ""
        click.echo(f"{name}: {', '.join(entry.scopes)}{limits}{_validity(entry.expires)}")


@keys.command()
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Remove the key called NAME; its sessions end, too."""

    def drop(kept: dict[str, Entry]) -> None:
        if name not in kept:
            raise SettingsError(f"there is no key {name!r}; there are {', '.join(kept) or 'none'}")
        del kept[name]

    entries.change_file(_file(settings), drop)


def _file(settings: Settings) -> Path:
    if not settings.api_keys_file:
        raise SettingsError("API_KEYS_FILE is not set; set it to the file of keys")
    return Path(settings.api_keys_file)


def _listed(values: tuple[str, ...]) -> list[str]:
    return [each.strip() for value in values for each in value.split(",")]


def _validity(expires: date | None) -> str:
    if expires is None:
        return ""
    if expires <= datetime.now(UTC).date():
        return click.style(f", expired on {expires}", fg="red")
    return f", until {expires}"
