"""How good a model is on held-out rows, and the contents of its card and reference."""
