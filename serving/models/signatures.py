"""Signatures of versions, by Ed25519 (RFC 8032), in a file beside the manifest.

The manifest holds the sha256 of every other file, so its signature covers them all. PyNaCl is
imported only where something is signed or must be.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from serving import COMMAND
from serving.errors import ArtefactError, SettingsError, without_path
from serving.settings import Settings

if TYPE_CHECKING:
    from nacl.signing import SigningKey

SIGNATURE = "model.json.sig"
PURPOSE = "adega version"  # in what is signed: a signature made for something else is none of ours


def public_key(key: "SigningKey") -> str:
    """Return the public key of a private one in base64, as `TRUSTED_KEYS` lists it."""
    return b64encode(bytes(key.verify_key)).decode()


def create_key(file: Path) -> "SigningKey":
    """Write a new private key to a file that only its owner can read.

    Raises
    ------
    SettingsError
        If the file exists, or cannot be written.
    """
    from nacl.signing import SigningKey  # noqa: PLC0415

    key = SigningKey.generate()
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as opened:
            opened.write(b64encode(bytes(key)) + b"\n")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {without_path(error)}") from error
    return key


def read_key(file: str) -> "SigningKey":
    """Read a private key from the file that `SIGNING_KEY` names.

    Raises
    ------
    SettingsError
    """
    from nacl.signing import SigningKey  # noqa: PLC0415

    try:
        return SigningKey(b64decode(Path(file).read_bytes().strip(), validate=True))
    except OSError as error:
        raise SettingsError(
            f"SIGNING_KEY={file!r} cannot be read: {without_path(error)}"
        ) from error
    except ValueError as error:  # no base64, or not of 32 bytes
        raise SettingsError(
            f"SIGNING_KEY={file!r} contains no key: make one with `{COMMAND} signing-key FILE`"
        ) from error


def key_for_new_versions(settings: Settings) -> "SigningKey | None":
    """Read the key that signs new versions; None where versions need not be signed.

    Raises
    ------
    SettingsError
        If what is written would not be served: there is no key, or it is not a trusted one.
    """
    if not settings.signing_key:
        if settings.trusted_keys:
            raise SettingsError(
                "TRUSTED_KEYS is set, so a new version would not be served unless it is signed: "
                "set SIGNING_KEY, or train without TRUSTED_KEYS and sign the version afterwards"
            )
        return None
    key = read_key(settings.signing_key)
    if settings.trusted_keys and bytes(key.verify_key) not in settings.public_keys:
        raise SettingsError(
            f"SIGNING_KEY={settings.signing_key!r} is not trusted, so a new version would not be "
            f"served: add {public_key(key)} to TRUSTED_KEYS"
        )
    return key


def sign(name: str, version: int, manifest: bytes, key: "SigningKey") -> bytes:
    """Make the content of `SIGNATURE` for a version."""
    return b64encode(key.sign(_signed(name, version, manifest)).signature) + b"\n"


def require_signature(
    folder: Path, name: str, version: int, manifest: bytes, trusted: Collection[bytes]
) -> None:
    """Raise an error unless one of the trusted keys signed a version.

    Parameters
    ----------
    folder : Path
        Of the version.
    manifest : bytes
        As read from it.

    Raises
    ------
    ArtefactError
    """
    from nacl.exceptions import BadSignatureError  # noqa: PLC0415
    from nacl.signing import VerifyKey  # noqa: PLC0415

    try:
        signature = b64decode((folder / SIGNATURE).read_bytes().strip(), validate=True)
    except FileNotFoundError:
        raise ArtefactError(
            f"{name} {version} is not signed, and TRUSTED_KEYS is set: if it is yours, sign it "
            f"with `{COMMAND} sign {name} {version}`"
        ) from None
    except (OSError, NotBase64) as error:
        reason = without_path(error) if isinstance(error, OSError) else str(error)
        raise ArtefactError(f"{name} {version}: {SIGNATURE} cannot be read: {reason}") from error
    for key in trusted:
        try:
            VerifyKey(key).verify(_signed(name, version, manifest), signature)
        except (BadSignatureError, ValueError):  # ValueError if it is not of 64 bytes
            continue
        return
    raise ArtefactError(
        f"{name} {version}: none of TRUSTED_KEYS signed this manifest: it was altered, or signed "
        "with another key; copy the folder again from where it was trained"
    )


def _signed(name: str, version: int, manifest: bytes) -> bytes:
    """Return what is signed: the manifest, and whose it is."""
    return msgspec.json.encode([PURPOSE, name, version]) + manifest
