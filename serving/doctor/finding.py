"""The result of a check."""

from typing import Literal

import msgspec

State = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """What a check of the doctor found.

    Attributes
    ----------
    state : {"ok", "warning", "error"}
        What has a warning works, or works for now; what has an error does not.
    remedy : str
        What to do; empty if all is well.
    """

    about: str
    state: State
    sentence: str
    remedy: str = ""
