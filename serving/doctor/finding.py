"""One thing that was looked at, and how it is."""

from typing import Literal

import msgspec

State = Literal["fine", "odd", "broken"]


class Finding(msgspec.Struct, frozen=True):
    """What was found.

    Attributes
    ----------
    state : {"fine", "odd", "broken"}
        What is odd works, or works for now; what is broken does not.
    remedy : str
        What to do; empty where all is fine.
    """

    about: str
    state: State
    sentence: str
    remedy: str = ""
