"""Trainings that are requested over HTTP: each is a folder in VAR_DIR, and a worker carries it out.

The worker, `adega train worker`, is another process, maybe in another container: it takes the
oldest one that waits. Nothing here imports `train`.
"""
