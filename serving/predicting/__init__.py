"""The one path of every request: predict, record, take feedback, look up; and the trial.

Knows no HTTP. Imports versions, recording, formats, models.
"""
