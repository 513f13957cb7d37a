"""Is this wine good? Portuguese Vinho Verde, red and white, judged from eleven measurements.

Tasters gave each wine 0 to 10; `bom` is 7 or more, `ruim` is less. Cortez et al. (2009).
"""

from pathlib import Path

import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from serving.inputs.field import Field
from train.evaluation.classification import Classification
from train.fitting.threshold import MaxF1
from train.problem import Problem

GOOD = 7

FIELDS = (
    Field(name="fixed acidity", unit="g/L tartaric acid", minimum=0, maximum=100),
    Field(name="volatile acidity", unit="g/L acetic acid", minimum=0, maximum=50),
    Field(name="citric acid", unit="g/L", minimum=0, maximum=100),
    Field(name="residual sugar", unit="g/L", minimum=0, maximum=1000),
    Field(name="chlorides", unit="g/L sodium chloride", minimum=0, maximum=50),
    Field(name="free sulfur dioxide", unit="mg/L", minimum=0, maximum=2000),
    Field(name="total sulfur dioxide", unit="mg/L", minimum=0, maximum=2000),
    Field(name="density", unit="g/cm³", minimum=0.9, maximum=1.5),
    Field(name="pH", minimum=0, maximum=14),
    Field(name="sulphates", unit="g/L potassium sulphate", minimum=0, maximum=50),
    Field(name="alcohol", unit="% vol", minimum=0, maximum=100),
    Field(name="color", type="category", categories=("red", "white")),
)


def load(data: Path) -> pd.DataFrame:
    """Read the different wines: 1,177 of the 6,497 rows repeat another and are left out."""
    wines = pd.read_csv(data).drop_duplicates()
    label = wines.pop("quality").ge(GOOD).map({True: "bom", False: "ruim"})
    return wines.assign(quality=label)


PROBLEM = Problem(
    name="wine",
    title="Is this wine good? bom: tasters gave it 7 or more of 10; ruim: less",
    target="quality",
    task=Classification(labels=("bom", "ruim"), positive="bom", rule=MaxF1()),
    fields=FIELDS,
    file="winequality.csv",
    source="Cortez et al. (2009), Wine Quality, UCI Machine Learning Repository 186",
    licence="CC BY 4.0",
    load=load,
    # The smallest forest as good as any: 100 trees, or leaves of 2, score higher by less than the
    # spread between repeats (ROC AUC 0.002) and take half as long again to predict.
    estimator=RandomForestClassifier(
        n_estimators=80, min_samples_leaf=3, max_features=2, oob_score=True, n_jobs=-1
    ),
    published=(
        "tutorials publish accuracy 0.888 and ROC AUC 0.92, with 26 % of their test rows also in "
        "training; on the rows that are not, ROC AUC is 0.861"
    ),
)
