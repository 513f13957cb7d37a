"""Serve scikit-learn models as a REST service: everything between a request and its answer."""

__version__ = "1.0.0"  # also the newest heading of CHANGELOG.md
