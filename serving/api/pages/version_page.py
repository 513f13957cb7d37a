"""The page of a model's versions: some side by side, what may be decided on them, and what was."""

import re

from flask import Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from serving.api.around.access import caller
from serving.api.pages.version_charts import charts
from serving.api.pages.version_fields import changes
from serving.api.pages.version_table import Side, rows
from serving.api.pages.words import words
from serving.errors import ArtefactError, StoreError, UnknownVersion
from serving.models import artefact
from serving.predicting.service import Service
from serving.recording.store.rows import Trial
from serving.versions.decision import Decision, decisions_of, was_made
from serving.versions.version_list import Version, list_versions
from serving.versions.versions import Versions

MAX_COMPARED = 4
NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")


def versions_page(service: Service, name: str) -> Response:
    """Make the page.

    Raises
    ------
    BadRequest, UnknownModel, UnknownVersion, ArtefactError
    """
    decisions, reader = service.registry.decisions, words(request)
    listed, history = list_versions(decisions, name), decisions.history(name)
    served = [each.version for each in listed if not is_out(each)]
    before = Versions(decisions, "").before(name)
    sides, unread = _read(service, name, _chosen(name, listed, before), history)
    base = next((each for each in sides if each.version == _with("live", listed)), None)
    base = base or next(iter(sides), None)
    trial, unknown = _trial(service, name)
    page = render_template(
        "versions.html",
        model=name,
        listed=listed,
        live=_with("live", listed),
        on_trial=_with("trial", listed),
        before=before if before in served else None,
        served=served,
        sides=sides,
        unread=unread,
        base=base,
        rows=rows(sides, base, reader) if base else [],
        changes=[
            (each.version, changes(each.manifest, base.manifest, reader))
            for each in sides
            if base and each is not base
        ],
        charts=charts(sides, reader),
        trial=trial,
        trial_unknown=unknown,
        broken=service.registry.broken.get(name),
        history=history,
        decided=len(decisions_of(history)),
        max_compared=MAX_COMPARED,
        may_decide=caller().may("admin", name),
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"  # a decision may be made at any time
    return response


def is_out(version: Version) -> bool:
    """Whether nothing can be decided on a version."""
    return bool(version.broken) or "retired" in version.states


def _trial(service: Service, name: str) -> tuple[Trial | None, str]:
    """How the trial compares; and why that is unknown, where the store cannot be read."""
    try:
        return service.trial(name), ""
    except StoreError as error:
        return None, error.public


def _with(state: str, listed: list[Version]) -> int | None:
    return next((each.version for each in listed if state in each.states), None)


def _read(
    service: Service, name: str, numbers: list[int], history: list[Decision]
) -> tuple[list[Side], dict[int, str]]:
    """Read versions; of those that cannot be read the reason."""
    registry, sides, unread = service.registry, [], {}
    decisions = registry.decisions
    made = {each.version: each for each in history if was_made(each)}
    for number in numbers:
        try:
            manifest = decisions.read_manifest(name, number)
            card = artefact.read_card(decisions.models_dir, manifest)
            reference = artefact.read_reference(decisions.models_dir, manifest)
        except ArtefactError as error:
            unread[number] = str(error)
        else:
            is_loaded = (name, number) in registry.loaded
            backend = registry.engine(name, number).backend if is_loaded else None
            sides.append(Side(manifest, card, reference, backend, made.get(number)))
    return sides, unread


def _chosen(name: str, listed: list[Version], before: int | None) -> list[int]:
    """The versions in the query; by default the live one, that on trial and the newest.

    Where these are one and the same, the one that was live before is shown beside it.
    """
    sent = ",".join(filter(None, request.args.getlist("versions")))
    if not sent:
        shown = [each.version for each in listed if not is_out(each)]
        wanted = [_with("live", listed), _with("trial", listed), *shown[:1]]
        chosen = [*dict.fromkeys(each for each in wanted if each is not None)]
        others = [each.version for each in listed if not each.broken]
        earlier = [each for each in others if each == before]
        return chosen if len(chosen) > 1 else [*dict.fromkeys([*chosen, *earlier, *others])][:2]
    if not NUMBERS.fullmatch(sent):
        raise BadRequest(f"versions={sent!r} is not a list of versions such as 3,2,1")
    numbers = [*dict.fromkeys(map(int, sent.split(",")))]
    if len(numbers) > MAX_COMPARED:
        raise BadRequest(
            f"versions={sent!r} names {len(numbers)} versions; at most {MAX_COMPARED} are compared"
        )
    there = [each.version for each in listed]
    for each in numbers:
        if each not in there:
            known = ", ".join(map(str, reversed(there)))
            raise UnknownVersion(f"{name} has no version {each}; there are {known}")
    return numbers
