"""What changed about a model's data or performance, and what follows from it.

report.py has what is found and wording.py its words: workers show both. All else runs in the
monitor alone: check.py takes one version through drift, performance and alerts; passes.py all.
"""
