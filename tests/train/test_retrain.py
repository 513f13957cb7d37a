"""Live records with feedback become training rows; the gate compares answers to the same rows."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import body, moved
from hosts import Host
from retrained import COMMAND, JUDGED, Service, homes, trained_first
from training import latest, output, run

from serving import clock
from serving.archive import runs
from serving.archive.changes import Changes
from serving.models import artefact, model_folder
from serving.monitor.retraining.training import WRITTEN
from serving.recording.archive_messages import Run
from serving.recording.store import Store
from serving.settings import Settings
from train import live
from train.problems.problems import PROBLEMS, data_of
from train.tables.files import sha256

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]


@pytest.fixture(autouse=True)
def few_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "JUDGED", JUDGED)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_first(tmp_path_factory.mktemp("first"))


@pytest.fixture
def service(tmp_path: Path, first: Path) -> Service:
    return Service(tmp_path, first)


def test_live_records_are_added_once_with_their_latest_feedback(service: Service):
    known = homes(300, seed=0)
    new = homes(3, seed=1).assign(age=[1.5, np.nan, 2.5])
    service.serve(pd.concat([new, new, known.iloc[:5]]))
    service.serve(new.iloc[:1].assign(dear="yes"))
    service.serve(known.iloc[7:8].assign(dear=flipped(known, 7)))
    assert "4 of these rows are live records with feedback" in service.retrain()
    data = service.latest.manifest.data
    assert data.rows == 300 + 3 + 1 - 1
    assert data.live is not None
    assert (data.live.rows, data.live.replaced, data.live.left_out) == (4, 1, 0)
    assert data.live.since < data.live.until
    assert service.latest.manifest.compared is None
    assert service.latest.reference.rows == 303


def test_records_in_the_archive_and_the_store_are_trained_on_as_one(
    tmp_path: Path, first: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also a record that is in the archive, and again in the store with other feedback."""
    url = str(tmp_path / "archive")
    Path(url).mkdir()
    service = Service(tmp_path, first, archive_url=url)
    lived = homes(JUDGED + 20, seed=1, dear_from=150)
    service.serve(lived)
    service.retrain()
    before = service.latest
    monkeypatch.setenv("ARCHIVE_URL", url)
    archive(service.settings)
    service.retrain()
    assert service.latest.manifest.data == before.manifest.data
    assert service.latest.manifest.metrics == before.manifest.metrics
    assert service.latest.manifest.compared == before.manifest.compared
    service.serve(lived.iloc[:5].assign(dear=[flipped(lived, row) for row in range(5)]))
    service.retrain()
    live = service.latest.manifest.data.live
    assert live is not None
    assert live.rows == JUDGED + 20


def archive(settings: Settings) -> None:
    """Move all that is in the store to the archive."""
    task = Run.of(settings, clock.now() + 3 * clock.DAY, 1, None)
    with closing(Store(settings.store_url)) as store:
        done = runs.run(Changes(store, settings.archive_url, settings.var_dir), task)
        assert sum(done.moved.values()) > JUDGED
        assert not [*store.labelled("homes")]


def flipped(frame: pd.DataFrame, row: int) -> str:
    return "no" if frame["dear"].iloc[row] == "yes" else "yes"


def test_the_latest_are_taken_where_there_are_too_many(service: Service):
    service.serve(homes(20, seed=1))
    service.serve(homes(20, seed=2))
    service.retrain("--max-live", "20")
    data = service.latest.manifest.data
    assert data.rows == 320
    assert data.live is not None
    assert data.live.since == data.live.until


def test_where_models_are_in_an_object_store_every_host_gets_the_retrained_version(
    tmp_path: Path, first: Path, monkeypatch: pytest.MonkeyPatch
):
    url = str(tmp_path / "shared")
    Path(url).mkdir()
    monkeypatch.setenv("MODELS_URL", url)
    output(first / "models", first / "homes.csv", *COMMAND)
    service = Service(tmp_path, first, models_url=url)
    service.serve(homes(JUDGED + 50, seed=1, dear_from=150))
    assert "it is live and replaces version 1" in service.retrain("--auto")
    other = Host(url, tmp_path / "other")
    assert other.pull() == {}
    assert other.decisions.live("homes") == 2
    assert other.decisions.read_manifest("homes", 2).data.live


def test_after_concept_drift_the_retrained_version_passes_the_gate(service: Service):
    service.serve(homes(JUDGED + 50, seed=1, dear_from=150))
    output = service.retrain("--auto")
    assert "it is live and replaces version 1: trained on 550 rows, 250 of them live" in output
    assert "; Brier score" in output
    assert model_folder.live_version(service.models / "homes") == 2
    manifest = service.latest.manifest
    assert "of the held-out rows, only the latest 200 live ones count" in manifest.evaluation
    compared = manifest.compared
    assert compared is not None
    assert (compared.version, compared.paired.rows) == (1, JUDGED)
    assert compared.paired.high < 0
    assert compared.paired.live > 0.2
    before = artefact.read_manifest(service.models, "homes", 1).metrics["accuracy"]
    assert manifest.metrics["accuracy"].mean < before.mean - max(
        before.spread, manifest.metrics["accuracy"].spread
    ), "by these figures it would have been refused"


def test_live_rows_are_what_the_new_version_is_held_to(service: Service):
    larger = homes(JUDGED, seed=1).assign(size=lambda frame: frame["size"] + 1_000)
    service.serve(larger)
    service.retrain()
    reference = service.latest.reference
    assert reference.rows == JUDGED
    assert reference.fields["size"].quantiles[0] == pytest.approx(larger["size"].min(), abs=0.01)
    size = next(field for field in service.latest.manifest.fields if field.name == "size")
    assert size.seen is not None
    assert size.seen[0] < 200
    assert size.seen[1] > 1_000


def test_a_candidate_that_answers_live_rows_worse_is_refused(service: Service):
    service.serve(homes(JUDGED, seed=1))
    worse = service.file.with_name("worse.csv")
    homes(300, seed=0).assign(dear=lambda frame: frame["dear"].sample(frac=1).to_numpy()).to_csv(
        worse, index=False
    )
    service.file = worse
    result = run(service.models, worse, *COMMAND, "--with-feedback", "--auto")
    assert result.exit_code == 3
    assert "homes 2 is not put live" in result.output
    assert "on the latest live rows with feedback its Brier score is worse" in result.output
    assert model_folder.live_version(service.models / "homes") == 1


def test_what_the_live_version_was_trained_on_tells_nothing_of_it(service: Service):
    lived = homes(JUDGED, seed=1, dear_from=150)
    service.serve(lived)
    service.retrain("--auto")
    service.serve(pd.concat([lived, homes(JUDGED - 1, seed=2, dear_from=150)]))
    result = run(service.models, service.file, *COMMAND, "--with-feedback", "--auto")
    assert service.latest.manifest.compared is None
    assert service.latest.manifest.data.rows == 300 + 2 * JUDGED - 1
    assert result.exit_code in (0, 3), "for the figures of both are compared"


def test_numbers_are_trained_on_and_compared_like_labels(tmp_path: Path, service: Service):
    priced = tmp_path / "priced.csv"
    frame = (
        homes(300, seed=0)
        .assign(price=lambda homes: (homes["size"] * 3_000).astype(int))
        .drop(columns="dear")
    )
    frame.to_csv(priced, index=False)
    command = (priced, "--target", "price", "--name", "priced", "--estimator", "decision-tree")
    output(service.models, *command)
    service.client.application.extensions["registry"].refresh()
    lived = homes(JUDGED, seed=3).drop(columns="dear")
    records = lived.astype(object).where(lived.notna(), None).to_dict("records")
    answered = service.client.post("/models/priced/predict", **body(records)).json["predictions"]
    said = [
        {"id": each["id"], "actual": record["size"] * 4_000 + 0.5}
        for each, record in zip(answered, records, strict=True)
    ]
    service.client.post("/feedback", **body(said))
    moved(service.settings).close()
    said = output(service.models, *command, "--with-feedback")
    written = [found["version"] for found in map(WRITTEN.match, said.splitlines()) if found]
    assert written == ["2"]  # as the monitor reads it, which starts such trainings
    assert "against live version 1, held-out mean absolute error: " in said
    manifest = latest(service.models, "priced").manifest
    assert manifest.compared is not None
    assert manifest.compared.paired.high < 0
    assert manifest.interval is not None
    assert manifest.interval.rows == JUDGED


def test_the_file_that_the_live_version_was_trained_on_is_the_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wine = next(each for each in PROBLEMS if each.name == "wine")
    other = tmp_path / wine.file
    other.write_text("another release of the file\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert data_of(wine, sha256=sha256(other)) == other
    assert data_of(wine, sha256="of a file that is gone") == data_of(wine) != other
