"""The problems that are trained here, one file each, and the one made of any CSV."""
