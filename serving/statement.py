"""A statement of the monitor as data: stored so, and put into words where it is shown."""

from collections.abc import Mapping

import msgspec


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement about a field, a metric or the model.

    Attributes
    ----------
    code : str
        Its code; monitor/wording.json has the words.
    values : dict
        Numbers, and labels and names as they are.
    field : str
        The field, or the output of the model, that it is about, if it is about one.
    """

    code: str
    values: Mapping[str, int | float | str] = {}
    field: str = ""
