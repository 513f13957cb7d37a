"""Compute the parts of a training by the workers of a cluster."""
