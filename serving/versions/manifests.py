"""Manifests of the versions of each model, kept in memory: feedback needs its version's labels.

When a model's folder changes (by a decision, or a version that is added, removed or replaced), the
registry refreshes that model's manifests, so they are at most a second old.
"""

import threading

from serving.errors import ArtefactError
from serving.models import model_folder
from serving.models.manifest import Manifest
from serving.versions.reader import VersionReader

MAX_KEPT = 16  # manifests of a model


class Manifests:
    """The manifests of versions that may be served, `MAX_KEPT` of each model."""

    def __init__(self, decisions: VersionReader) -> None:
        self._decisions = decisions
        self._kept: dict[str, dict[int, Manifest]] = {}
        self._lock = threading.Lock()

    def get(self, model: str, version: int) -> Manifest | None:
        """Return a manifest that is kept."""
        return self._kept.get(model, {}).get(version)

    def read(self, model: str, version: int) -> Manifest:
        """Read a manifest from disk and keep it, in place of the one kept longest.

        Raises
        ------
        ArtefactError
        """
        manifest = self._decisions.read_manifest(model, version)
        with self._lock:
            kept = self._kept.setdefault(model, {})
            kept[version] = manifest
            if len(kept) > MAX_KEPT:
                del kept[next(iter(kept))]
        return manifest

    def refresh(self, model: str) -> None:
        """Forget what is kept of a model, and read the newest of its versions that may be served.

        A manifest that cannot be read is left out: `read` raises the reason when it is needed.
        """
        folder = self._decisions.models_dir
        kept = {}
        try:
            retired = {*self._decisions.retired(model)}
            served = [each for each in model_folder.versions(folder / model) if each not in retired]
        except ArtefactError:
            served = []
        for version in served[-MAX_KEPT:]:
            try:
                kept[version] = self._decisions.read_manifest(model, version)
            except ArtefactError:
                continue
        with self._lock:
            self._kept[model] = kept
