"""What is said of each route: one file for each of serving/api that has routes."""

from serving.api.openapi.operation import Describe
from serving.api.openapi.routes import (
    feedback,
    health,
    metrics,
    models,
    monitor,
    native,
    predictions,
    versions,
)

# By method and path, in the order in which they are shown.
OPERATIONS: dict[str, Describe] = {
    **native.OPERATIONS,
    **models.OPERATIONS,
    **predictions.OPERATIONS,
    **monitor.OPERATIONS,
    **versions.OPERATIONS,
    **feedback.OPERATIONS,
    **health.OPERATIONS,
    **metrics.OPERATIONS,
}
