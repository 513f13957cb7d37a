"""Predict much data: files of Parquet, by a process for each core, and record batches by Spark."""

from typing import Literal

Keep = Literal["others", "all", "none"]  # of the columns of the records; others are no fields
