"""What tells that a model's data or its performance changed: statistics of plain numbers.

Nothing in here knows the store, HTTP or a process. drift.py lists the tests of a distribution, one
file each; concept.py, performance.py and estimate.py tell of the model; arrival.py of feedback.
"""
