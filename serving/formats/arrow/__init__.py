"""Parquet and Arrow IPC: columns of records, and of their predictions.

pyarrow is an optional dependency, and large. Only the modules that are named in pyproject.toml
import it, and only processes other than the service's workers import those.
"""
