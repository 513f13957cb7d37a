"""Data drift: a field in training against the same field now.

`drift` lists the tests, one file each: statistics of plain samples.
"""
