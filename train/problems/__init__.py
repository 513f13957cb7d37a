"""The problems that are trained here, one file each, and the problem made from any CSV."""
