"""A service that starts no worker for trainings keeps them for one that runs beside it."""

from app import create_app
from serving.settings import Settings


def test_a_service_with_training_worker_off_keeps_trainings_and_starts_nothing(settings: Settings):
    own = Settings(var_dir=settings.var_dir, training_worker=False)
    client = create_app(own).test_client()
    made = client.post("/trainings?file=homes.csv", data=b"area,price\n1,2\n")
    assert (made.status_code, made.json["state"]) == (201, "reading")
    worker = client.get("/trainings").json["worker"]
    assert worker["runs"] is False
    assert "TRAINING_WORKER=off" in worker["why"]
    assert "adega train worker" in worker["why"]
