"""Shares of values in training and now, bin by bin or label by label, for charts."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np

from serving.monitor.counts import Floats
from serving.monitor.drift.samples import Labels, Numbers, even_edges
from serving.monitor.findings import Distribution

MAX_LABELS = 50
DECIMALS = 5


def draw_distributions(
    of: Literal["field", "prediction"], samples: Mapping[str, Numbers | Labels]
) -> Iterator[Distribution]:
    """The two distributions of each sample, as a chart draws them."""
    for name, sample in samples.items():
        if isinstance(sample, Labels):
            labels, reference, current = _of_labels(sample)
            yield Distribution(
                field=name, of=of, labels=labels, reference=reference, current=current
            )
        else:
            edges = _edges(sample)
            yield Distribution(
                field=name,
                of=of,
                edges=edges.tolist(),
                reference=_shares(_share_in_training(sample, edges)),
                current=_shares(_share_now(sample, edges)) if sample.present else [],
            )


def _of_labels(sample: Labels) -> tuple[list[str], list[float], list[float]]:
    then, now = max(sample.trained, 1), max(sample.present, 1)
    pairs = {
        label: (sample.reference.get(label, 0) / then, sample.current.get(label, 0) / now)
        for label in {**sample.reference, **sample.current}
    }
    labels = sorted(pairs, key=lambda label: -max(pairs[label]))[:MAX_LABELS]
    reference = [round(pairs[label][0], DECIMALS) for label in labels]
    current = [round(pairs[label][1], DECIMALS) for label in labels] if sample.present else []
    return labels, reference, current


def _edges(sample: Numbers) -> Floats:
    """Even bins over the inner 98 % of training, and one at either end for all that lies beyond."""
    low, high = sample.quantiles[[0, -1]]
    if sample.present:
        low, high = min(low, sample.range[0]), max(high, sample.range[1])
    return np.unique([low, *even_edges(sample.quantiles), high])


def _share_in_training(sample: Numbers, edges: Floats) -> Floats:
    """The share of training at or below each edge: straight lines between the quantiles."""
    levels = np.linspace(0, 1, len(sample.quantiles))
    return np.asarray(np.interp(edges, sample.quantiles, levels))


def _share_now(sample: Numbers, edges: Floats) -> Floats:
    return sample.up_to(edges) / sample.present


def _shares(up_to: Floats) -> list[float]:
    """The share in each bin; what lies on the lowest edge is in the first."""
    shares = np.diff(np.concatenate([[0.0], up_to[1:]]))
    return [round(float(share), DECIMALS) for share in shares]
