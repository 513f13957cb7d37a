"""Rows that files of other libraries are trained on: of subscribers, and whether they left."""

import numpy as np
import pandas as pd

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "months": RANDOM.integers(1, 72, 200),
        "plan": RANDOM.choice(["basic", "plus"], 200),
        "cost": RANDOM.gamma(4, 12, 200).round(2),
        "active": RANDOM.random(200) > 0.5,
    }
)
LABELS = np.where((FRAME["months"] < 24) ^ FRAME["active"], "yes", "no")
