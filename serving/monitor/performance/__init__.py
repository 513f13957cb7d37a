"""How good a model is now: with feedback, estimated without, and watched row by row.

Statistics of plain arrays; only feedback.py knows what the store returns.
"""
