"""What surrounds every request; serving/api/__init__.py lists it in its order. Knows no model."""
