"""Dates with words in them, made parseable: `fev/24` is `Feb/24`, `2024Q3` is `2024-07`."""

import re
from functools import lru_cache

_MONTHS = (
    *("jan january janeiro enero ene", "feb february fev fevereiro febrero"),
    *("mar march março marco marzo", "apr april abr abril", "may mai maio mayo"),
    *("jun june junho junio", "jul july julho julio", "aug august ago agosto"),
    *("sep sept september set setembro septiembre", "oct october out outubro octubre"),
    *("nov november novembro noviembre", "dec december dez dezembro dic diciembre"),
)
_LEFT_OUT = (
    "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday "
    "seg ter qua qui sex sáb sab dom segunda terça quarta quinta sexta feira sábado domingo "
    "de do of às st nd rd th º utc gmt"
)
_ENGLISH = {word: names.split()[0].title() for names in _MONTHS for word in names.split()}
_ENGLISH |= dict.fromkeys(_LEFT_OUT.split(), "")
_WORD = re.compile(r"[^\W\d_]+\.?")
_QUARTER = re.compile(
    r"(?P<year>[0-9]{4})[ -]?[QTqt](?P<quarter>[1-4])"
    r"|(?:[QTqt](?P<first>[1-4])|(?P<ordinal>[1-4])[ºo°]?[QTqt])[ /-]?(?P<its_year>[0-9]{4})"
)
_TIME = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
_TIME_FIRST = re.compile(rf"({_TIME}),? +([^ ]+)")
_BEFORE_TIME = re.compile(r",? +(?=[0-9]{1,2}:|[+-][0-9]{2}:?[0-9]{2}$)")


@lru_cache(maxsize=65_536)
def in_english(text: str) -> str:
    """Rewrite a date with English months, no weekday, the time last; a quarter as its month.

    >>> [in_english(text) for text in ("fev/24", "Tuesday, 3 de março de 2024", "3T2024")]
    ['Feb/24', '3 Mar 2024', '2024-07']
    >>> [in_english(text) for text in ("31/12/2024, 09:05", "09:05 31/12/2024")]
    ['31/12/2024 09:05', '31/12/2024 09:05']
    """
    if found := _QUARTER.fullmatch(text):
        quarter = int(found["quarter"] or found["first"] or found["ordinal"])
        return f"{found['year'] or found['its_year']}-{3 * quarter - 2:02d}"
    if _WORD.search(text):
        text = _WORD.sub(lambda found: _meaning(found[0]), text).strip(" ,-")
        text = re.sub(" {2,}", " ", text)
    if ":" in text:
        if first := _TIME_FIRST.fullmatch(text):
            text = f"{first[2]} {first[1]}"
        text = _BEFORE_TIME.sub(_one_space, text)
    return text


def _meaning(word: str) -> str:
    return _ENGLISH.get(word.casefold().rstrip("."), word)


def _one_space(found: "re.Match[str]") -> str:
    zone = found.string[found.end()] in "+-"
    return "" if zone else " "
