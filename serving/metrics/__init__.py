"""Counts of requests and predictions, shared by all workers, as Prometheus reads them.

Imports nothing of ours.
"""
