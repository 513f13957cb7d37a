"""Predict on Spark: a DataFrame by `predict`, and the parts of a run by `adega predict --on`.

The driver reads a version, once, and the executors get the very same one. What runs on executors is
in `batches` and `parts`; it comes to them through `sent`.
"""

from serving.spark.frames import predict

__all__ = ["predict"]
