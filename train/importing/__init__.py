"""A fitted estimator that somebody else pickled, taken in as a version."""
