"""What `adega` does, a file for each family of commands."""
