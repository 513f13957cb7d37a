"""Texts that mean that there is no value."""

# Wherever they stand alone in a cell of a table, in training and in serving alike.
MISSING = frozenset(
    {"", "?", "NA", "N/A", "#N/A", "#NA", "n/a", "na", "<NA>", "NaN", "nan", "-nan", "NULL", "null"}
    | {"None", "none", "NaT", "\\N"}
)

# Among numbers and dates these mean it too; of a category they may be labels like any other.
STAND_INS = frozenset(
    {"-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "*", "x", "missing", "unknown"}
) | {
    *("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"),
    *("nil", "nd", "n.d.", "n/d", "s/d", "n.a.", "n/i", "sem dado", "sem dados", "desconhecido"),
    *("#ref!", "#value!", "#div/0!", "#num!", "#name?", "#null!", "#valor!", "#nome?"),
}


def is_missing(text: str) -> bool:
    """Whether a cell holds no value, whatever its column is."""
    return text in MISSING


def stands_in(text: str) -> bool:
    """Whether a text among numbers or dates plainly says that there is no value."""
    return text in MISSING or text.casefold() in STAND_INS
