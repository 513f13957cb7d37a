"""What changed about a model's data or performance, and what follows from it.

Workers import report.py, findings.py and wording.py; all else runs in the monitor alone, with
SciPy. check.py is one check from top to bottom; checks.py and command.py run it for all models.
"""
