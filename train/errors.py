"""The error that a training reports to the person who started it."""


class TrainingError(Exception):
    """The data or the estimator cannot be used; the message has the reason and a remedy."""
