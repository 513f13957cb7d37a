"""How good a model is now: with feedback, estimated without, and row by row.

Statistics of plain arrays; no store, no process.
"""
