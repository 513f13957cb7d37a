"""Will this borrower default? A derivative of a Brazilian course's challenge, 16 % defaults."""

from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from serving.inputs.field import Field
from train.evaluation.classification import Classification
from train.fitting.threshold import MinCost
from train.problem import Problem
from train.tables import table

AMOUNTS = ("last_amount_borrowed", "credit_limit", "income", "reported_income")
NUMBERS = ("score_3", "score_4", "score_5", "score_6", "risk_rate")
COUNTS = (
    "last_borrowed_in_months",
    "ok_since",
    "n_bankruptcies",
    "n_defaulted_loans",
    "n_accounts",
    "n_issues",
    "application_time_in_funnel",
    "external_data_provider_credit_checks_last_month",
    "external_data_provider_credit_checks_last_year",
    "external_data_provider_email_seen_before",
    "external_data_provider_fraud_score",
)
CATEGORIES = ("score_1", "facebook_profile", "real_state", "application_time_category")

FIELDS = (
    *(Field(name=name, minimum=0) for name in (*AMOUNTS, *NUMBERS)),
    *(Field(name=name, type="integer", minimum=0) for name in COUNTS),
    *(Field(name=name, type="category") for name in CATEGORIES),
)
FIRST_CATEGORY = len(FIELDS) - len(CATEGORIES)


def load(data: Path) -> pd.DataFrame:
    """Read the borrowers; 1 in the column `default` is one who did."""
    borrowers = table.read(data)
    return borrowers.assign(default=borrowers["default"].map({0: "paid", 1: "default"}))


PROBLEM = Problem(
    name="credit",
    title="Will this borrower default?",
    target="default",
    task=Classification(labels=("default", "paid"), positive="default", rule=MinCost(missed=5)),
    fields=FIELDS,
    file="credit-default-wide-sample.csv",
    obtain="a CSV with the columns of the course's challenge and 0 or 1 in the column default",
    source="a public derivative of a Brazilian course's credit challenge; missing values filled",
    licence="none stated",
    load=load,
    estimator=HistGradientBoostingClassifier(
        learning_rate=0.04,
        max_iter=200,
        max_leaf_nodes=8,
        l2_regularization=5,
        categorical_features=list(range(FIRST_CATEGORY, len(FIELDS))),
    ),
)
