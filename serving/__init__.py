"""Serve scikit-learn models as a REST service: everything between a request and its answer."""
