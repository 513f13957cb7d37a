"""Texts that stand for a missing value."""

import re

# In any cell of a table, in training and in serving.
MISSING = frozenset(
    {"", "?", "NA", "N/A", "#N/A", "#NA", "n/a", "na", "<NA>", "NaN", "nan", "-nan", "NULL", "null"}
    | {"None", "none", "NaT", "\\N"}
)

# Also in columns of numbers or dates; in a category they may be labels. They are listed in lower
# case, without brackets and # around them.
STAND_INS = frozenset(each.casefold().strip("<>#") for each in MISSING) | {
    *("x", "missing", "unknown", "undefined", "blank", "empty", "no data", "nodata", "tbd"),
    *("not available", "not applicable", "not reported", "not recorded"),
    *("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"),
    *("1.#inf", "-1.#inf", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    *("nil", "nd", "n.d.", "n/d", "s/d", "n.a.", "n/i", "sem dado", "sem dados", "desconhecido"),
    *("ignorado", "vazio", "em branco", "sem informação", "sem informacao", "indisponível"),
    *("não informado", "nao informado", "não disponível", "nao disponivel"),
    *("não se aplica", "nao se aplica", "não aplicável", "nao aplicavel"),
    *("ref!", "value!", "div/0!", "num!", "name?", "null!", "valor!", "nome?", "wert!", "valeur!"),
    *("nv", "nom?"),
}
_SIGNS_ALONE = re.compile(r"[-\N{EN DASH}\N{EM DASH}.*?/_~]+")
_ZERO_DATE = re.compile(r"0{8}|0{1,4}[-/.]0{1,2}[-/.]0{1,4}(?:[ T]00:00(?::00)?)?")


def is_missing(text: str) -> bool:
    """Whether a cell is missing, whatever its column is."""
    return text in MISSING


def means_missing(text: str) -> bool:
    """Whether a text in a column of numbers or dates stands for a missing value.

    >>> [means_missing(text) for text in ("-", "(Null)", "#N/D", "??", "0000-00-00", "<0.5")]
    [True, True, True, True, True, False]
    """
    plain = text.casefold().strip("()[]<>{}# ")
    return (
        plain in STAND_INS or bool(_SIGNS_ALONE.fullmatch(text)) or bool(_ZERO_DATE.fullmatch(text))
    )
