"""A CSV as people have it, read into typed columns: fields, target, and what is left out."""
