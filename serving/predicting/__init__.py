"""The path of every request: predict, record, add feedback, find a prediction; and the trial.

Knows no HTTP. Imports versions, recording, formats, models.
"""
