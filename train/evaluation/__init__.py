"""How good a model is on rows that it has not seen, and what card and reference keep."""
