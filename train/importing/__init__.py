"""The import of a fitted estimator that was pickled elsewhere."""
