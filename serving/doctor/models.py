"""Check that each live version and trial can be loaded and predicts as recorded."""

import logging
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from serving import COMMAND
from serving.doctor.finding import Finding
from serving.errors import ArtefactError, ObjectStoreError, ServingError, SettingsError
from serving.models import model_folder
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.recording.privacy import Privacy
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.follower import MISNAMED
from serving.versions.object_store import ObjectStore

AGAIN = "train it again, or copy the folder again from where it was trained"


def examine(given: Settings) -> Iterator[Finding]:
    """Check each model of the folder, and the object store that it is a copy of."""
    decisions = Decisions.from_settings(given)
    if decisions.shared:
        yield from _object_store(decisions.shared)
    try:
        names = decisions.models()
    except ArtefactError as error:
        remedy = "set MODELS_DIR to the folder of the models, and let this user read it"
        yield Finding("models", "error", f"{given.models_dir}: {error}", remedy)
        return
    for name in model_folder.misnamed_models(given.models_dir):
        yield Finding(f"model {name}", "error", MISNAMED, "give it a name of plain letters")
    if given.default_model not in names:
        there = ", ".join(names) or "none"
        sentence = f"DEFAULT_MODEL={given.default_model} has no live version; these have: {there}"
        yield Finding("models", "error", sentence, "set DEFAULT_MODEL to one of them, or train it")
    try:
        privacy = Privacy(given)
    except SettingsError:  # reported with the settings
        privacy = Privacy(Settings())
    try:
        privacy.check_models(model_folder.known_models(given.models_dir))
    except SettingsError as error:
        remedy = "correct the name: its values would be recorded"
        yield Finding("settings", "error", str(error), remedy)
    for name in names:
        yield from _model(decisions, name, privacy)


def _object_store(shared: ObjectStore) -> Iterator[Finding]:
    try:
        behind = shared.pull().behind
    except ObjectStoreError as error:
        remedy = (
            "check MODELS_URL, the keys and the network; until then what was copied is served, and "
            "nothing can be decided or trained"
        )
        yield Finding("object store", "error", str(error), remedy)
        return
    for name, reason in behind.items():
        remedy = "upload it again, or put another version live"
        yield Finding("object store", "warning", f"{name}: {reason}", remedy)
    if not behind:
        yield Finding("object store", "ok", f"{shared.models_dir} is a copy of {shared.url}")


def _model(decisions: Decisions, name: str, privacy: Privacy) -> Iterator[Finding]:
    try:
        trial = decisions.trial(name)
        numbers = {decisions.live(name): "is live", **({trial: "is on trial"} if trial else {})}
    except ServingError as error:
        remedy = f"put a version live: {COMMAND} promote {name} 1"
        yield Finding(f"model {name}", "error", str(error), remedy)
        return
    for number, state in numbers.items():
        yield _version(decisions, (name, number), state, privacy)


def _version(decisions: Decisions, key: tuple[str, int], state: str, privacy: Privacy) -> Finding:
    name, number = key
    about = f"model {name}"
    log = logging.getLogger("serving.models.engine")
    was, log.disabled = log.disabled, True  # it logs what is reported below
    try:
        read = decisions.read(name, number)
        privacy.check_version(read.manifest)
        engine = Engine(read)
    except ServingError as error:
        back = f"{COMMAND} rollback {name} puts the one before live"
        return Finding(about, "error", f"{name} {number} {state}: {error}", f"{AGAIN}; {back}")
    finally:
        log.disabled = was
    sentence = f"{name} {number} {state} and predicts as recorded, by {engine.backend}"
    if engine.unfit:
        verb = "do" if len(engine.unfit) > 1 else "does"
        sentence += f", because {' and '.join(engine.unfit)} {verb} not: it is slower so"
        return Finding(about, "warning", sentence, AGAIN)
    if others := _others(read.manifest):
        sentence += f"; it was trained with {others}"
        return Finding(about, "warning", sentence, "train it again with what is installed here")
    return Finding(about, "ok", sentence)


def _others(manifest: Manifest) -> str:
    """List the libraries that had another release when the version was trained."""
    listed = []
    for name, made_by in manifest.libraries.items():
        try:
            here = version(name)
        except PackageNotFoundError:  # it may have been needed to compile the version only
            continue
        if here.split(".")[:2] != made_by.split(".")[:2]:
            listed.append(f"{name} {made_by}, {here} is installed")
    return "; ".join(listed)
