"""What the monitor says, as data: kept so, and put into words where it is shown."""

import msgspec


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is said of a field, of a metric or of the model.

    Attributes
    ----------
    code : str
        What is said; monitor/wording.json has the words.
    values : dict
        Numbers, and labels and names as they are.
    field : str
        The field, or the output of the model, that it is about, if it is about one.
    """

    code: str
    values: dict[str, int | float | str] = {}
    field: str = ""
