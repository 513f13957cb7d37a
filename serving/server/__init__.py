"""How the app runs under gunicorn: worker, collector process, check of the pickles.

Imports versions, recording.
"""
