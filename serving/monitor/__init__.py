"""What tells that a model's data or its performance changed, and what follows from it.

drift.py lists the tests of a distribution, one file each; concept.py, performance.py and
estimate.py tell of the model, arrival.py of feedback: statistics of plain numbers, which know no
store and no process. passes.py has them run over the store, alerts.py and webhook.py tell of what
they find, and loop.py retrains.
"""
