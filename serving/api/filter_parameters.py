"""The parameters of lists of recorded predictions, in the API's document."""

from serving.api.filters import ALL, MAX_VERSION, MAX_WHERE, has_probabilities
from serving.api.openapi.operation import query
from serving.api.openapi.records import id_pattern
from serving.api.openapi.structs import Schema, any_of, text, whole_number
from serving.api.query import DEFAULT_LIMIT, MAX_LIMIT
from serving.ids import OWN_ID_OF_ONE
from serving.models.manifest import Manifest
from serving.predicting import conditions

MOMENT = {"anyOf": [{"type": "string", "format": each} for each in ("date-time", "date")]}
TRUTH = {"type": "boolean"}
POSITIVE = {"type": "number", "minimum": 0}
SHARE = POSITIVE | {"maximum": 1}
PAGE = whole_number(minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT)


def parameters(manifest: Manifest) -> list[Schema]:
    """The parameters of a list of a model's predictions."""
    after = text(pattern=f"^[0-9]{{1,15}}~{id_pattern(manifest)}$")
    return [
        query("label", text(), "Only those with this prediction."),
        query("own_id", text(pattern=f"^{OWN_ID_OF_ONE.pattern}$"), "Only those with this own id.")
        | {"example": "order-17"},
        query("since", MOMENT, "Only from then on; a time without a zone is in UTC."),
        query("until", MOMENT, "Only until then."),
        query(
            "version", whole_number(minimum=1, maximum=MAX_VERSION), "Only those of one version."
        ),
        query("feedback", TRUTH, "Only those with feedback, or with none yet.") | {"example": True},
        *_of_labels(manifest),
        *_of_numbers(manifest),
        query(
            "where",
            {"type": "array", "items": text(), "maxItems": MAX_WHERE},
            "Only those whose record fits: a field, one of `>=`, `<=`, `>`, `<` and `=`, and a "
            "value; nothing after `=` is a missing value. Several `=` for one field are "
            "alternatives, also to its bounds.",
        )
        | {"example": [_example(manifest)]},
        query("limit", any_of([PAGE, {"const": ALL}]), "How many are listed; `all` for CSV."),
        query("after", after, "Where the page before ended, from its Link header."),
        query("newer", TRUTH, "Whether `after` is followed by newer ones in place of older ones."),
    ]


def _of_labels(manifest: Manifest) -> list[Schema]:
    if not manifest.classes:
        return []
    wrong = "Only those whose feedback is another label than the prediction, or is the same."
    found = [query("wrong", TRUTH, wrong)]
    if has_probabilities(manifest):
        less = "Only those whose predicted label has a lower probability."
        found.append(query("probability_below", SHARE, less))
        if conditions.has_threshold(manifest):
            near = "Only those with a probability at most so far from the decision threshold."
            found.append(query("threshold_within", SHARE, near))
    return found


def _of_numbers(manifest: Manifest) -> list[Schema]:
    if manifest.classes:
        return []
    off = "Only those whose feedback differs from the prediction by more."
    found = [query("error_above", POSITIVE, off)]
    if manifest.interval:
        wrong = "Only those whose feedback is outside the interval, or within."
        wide = "Only those whose interval is wider, from low to high."
        found += [query("wrong", TRUTH, wrong), query("interval_above", POSITIVE, wide)]
    return found


def _example(manifest: Manifest) -> str:
    name, value = next(iter(manifest.example.items()))
    operator = ">=" if isinstance(value, int | float) and not isinstance(value, bool) else "="
    return f"{name}{operator}{str(value).lower() if isinstance(value, bool) else value}"
