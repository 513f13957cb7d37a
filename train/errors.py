"""What can go wrong while training, for the person who started it."""


class TrainingError(Exception):
    """What was given cannot be trained on or taken in; says why, and what would help."""
