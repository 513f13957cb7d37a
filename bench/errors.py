"""What stops a bench."""


class BenchError(Exception):
    """A measurement that cannot be made or must not be trusted; the message says what to do."""
