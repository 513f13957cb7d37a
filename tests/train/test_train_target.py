"""What is predicted: its task, its labels, and the rows that have it."""

from typing import Any

import pandas as pd
import pytest
from found import Found, made

from train.errors import TrainingError


def test_stand_ins_of_a_target_are_rows_left_out():
    prices = [f"R$ {1_000 + row},50" for row in range(58)]
    table = made(price=[*prices, "-", "nil"])
    found = Found(table, "price")
    assert (found.task, found.unit, len(found.frame)) == ("regression", "R$", 58)
    assert found.frame["price"].tolist()[:2] == [1000.5, 1001.5]
    assert "2 rows left out: their 'price' is missing" in found.said
    assert any("'-' (line 60), 'nil' (line 61) count as missing" in each for each in found.said)


def test_none_is_a_label_of_a_target_unless_it_is_told_to_be_missing():
    kinds = ["None", "Insomnia", "Apnea", ""] * 15
    table = made(y=kinds, x=["None", "a", "b"] * 20)
    found = Found(table, "y")
    assert sorted(found.frame["y"].unique()) == ["Apnea", "Insomnia", "None"]
    assert any(
        "'y': 'None' (15 rows) is a label; train with --missing None" in s for s in found.said
    )
    assert found.fields["x"].categories == ("a", "b")
    told = Found(table, "y", missing=("None",))
    assert sorted(told.frame["y"].unique()) == ["Apnea", "Insomnia"]
    assert not any("no cell holds it" in each for each in told.said)
    numbers = Found(made(y=[*range(100, 159), "None"]), "y")
    assert (numbers.task, len(numbers.frame)) == ("regression", 59)


def test_a_target_of_numbers_becomes_labels_only_if_that_is_asked_for():
    values = [100.5 + row % 25 for row in range(250)] + ["low"] * 50
    table = pd.DataFrame({"number": [0.5 * (row % 97) for row in range(300)], "price": values})
    with pytest.raises(TrainingError, match="'price' has 26 different values, most of them numb"):
        Found(table, "price")
    found = Found(table, "price", missing=("low",))
    assert (found.task, len(found.frame)) == ("regression", 250)
    assert Found(table, "price", "classification").task == "classification"


def test_a_target_that_is_text_of_its_own_in_most_rows_is_refused():
    labels = ["a", "b"] * 14 + [f"C{row}" for row in range(32)]
    with pytest.raises(TrainingError, match=r"32 are in fewer than 5 rows each, 32 of 60 rows"):
        Found(made(y=labels), "y")
    with pytest.raises(TrainingError, match="'y' holds dates, which cannot be predicted"):
        Found(made(y=["2024-01-02", "2024-05-06"] * 30), "y")


def test_a_value_missing_only_where_the_target_is_may_be_missing():
    size = [*(row * 1.5 for row in range(58)), None, None]
    found = Found(made(size=size, price=[*range(7, 65), None, None]), "price")
    assert found.fields["size"].optional
    assert not found.frame["size"].isna().any()


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 30, "classification"),
        ([0, 1] * 30, "classification"),
        ([-1.0, 1.0] * 30, "classification"),
        ([1, 2, 3] * 20, "classification"),
        ([3, 4, 5] * 20, "regression"),
        ([0, 2, 4] * 20, "regression"),
        ([0.5, 1.5, 2.5] * 20, "regression"),
        (list(range(30)) * 2, "regression"),
    ],
)
def test_the_task_follows_from_the_target_and_is_told(values: Any, task: str):
    found = Found(made(target=values), "target")
    assert found.task == task
    assert any(each.startswith(task) for each in found.said)


def test_the_task_may_be_chosen():
    assert Found(made(stars=[1, 2, 3, 4, 5] * 12), "stars", "regression").task == "regression"
    found = Found(made(grade=[3, 4, 5] * 20), "grade", "classification")
    assert set(found.frame["grade"]) == {"3", "4", "5"}


def test_rows_without_a_target_and_of_rare_labels_are_left_out():
    labels = ["a", "b"] * 28 + ["c", "c", None, None]
    found = Found(made(target=labels), "target")
    assert len(found.frame) == 56
    assert "2 rows left out: their 'target' is missing" in found.said
    assert "2 rows left out: 'target' is 'c' in fewer than 5 rows" in found.said


@pytest.mark.parametrize(
    ("changes", "target", "task", "message"),
    [
        ({}, "lable", None, "no column is called 'lable'; did you mean 'label'?"),
        ({f"c{at}": [1] * 60 for at in range(50)}, "ZZZ", None, '"c0", "c1".* and [0-9]+ others'),
        (
            {"one": ["yes"] * 60},
            "one",
            None,
            "does not have two labels to predict: all rows are 'yes'",
        ),
        ({"few": ["a"] * 9 + [None] * 51}, "few", None, "9 rows have a 'few'"),
        ({"none": [None] * 60}, "none", None, "0 rows have a 'none'"),
        ({"same": [2.5] * 60}, "same", "regression", "is 2.5 in every row"),
        ({"text": ["a", "b"] * 30}, "text", "regression", "holds text"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_sentence(
    changes: dict[str, Any], target: str, task: Any, message: str
):
    with pytest.raises(TrainingError, match=message.replace("?", r"\?")):
        Found(made(**changes), target, task)


def test_a_table_of_nothing_but_text_is_refused():
    texts = {name: [f"{name} {row}" for row in range(60)] for name in ("name", "review")}
    with pytest.raises(TrainingError, match="no column is left to predict from: all others are"):
        Found(pd.DataFrame(texts | {"label": ["a", "b"] * 30}), "label")


def test_rows_that_repeat_each_other_are_not_enough():
    table = pd.DataFrame({"number": [1.5, 2.5, 3.5] * 20, "label": ["a", "b"] * 30})
    with pytest.raises(TrainingError, match="only 3 rows differ"):
        Found(table, "label")
