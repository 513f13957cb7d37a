"""What `python -m serving` does, a file for each family of commands."""
