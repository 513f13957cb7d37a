"""Forests, boosted trees and single trees as one node of ONNX each, exact to the last branch.

skl2onnx writes trees in single precision, which puts rows close to a threshold on its wrong side,
loses the branch of missing values, never ends with some trees that support missing values, and
fails with histogram boosting. Here thresholds and leaves stay in double precision: the operator
TreeEnsemble, version 5 of ai.onnx.ml.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from onnx import numpy_helper
from sklearn import ensemble, tree

UP_TO, AMONG = 0, 6  # modes of a node: rows go left up to its threshold, or among its members
SUM = 1  # of the leaves that a row comes to
TENSORS = ("nodes_modes", "nodes_splits", "membership_values", "leaf_weights")

FORESTS = (
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    tree.DecisionTreeClassifier,  # and extra trees
    tree.DecisionTreeRegressor,
)
BOOSTED = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
BOOSTED_FROM_HISTOGRAMS = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)

Floats = NDArray[np.float64]


class Tree(NamedTuple):
    """One tree, an entry for each node; the first is the root.

    Attributes
    ----------
    left, right : ndarray of int
        The nodes that follow, by position; -1 after a leaf.
    feature : ndarray of int
    threshold : ndarray of float
        A row whose value of the feature is not above it goes left.
    missing_left : ndarray of bool
        Whether a row without a value goes left.
    leaf : ndarray of float
        The value of the rows that end there.
    members : dict of int to ndarray of float
        The nodes whose rows go left instead if their value is among these.
    cover : ndarray of float
        The training rows that came to the node, by their weights.
    """

    left: NDArray[np.integer[Any]]
    right: NDArray[np.integer[Any]]
    feature: NDArray[np.integer[Any]]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    leaf: Floats
    members: dict[int, Floats]
    cover: Floats

    def paths(self, rows: Floats) -> list[list[int]]:
        """The nodes with a finite threshold on each row's path to a leaf."""
        left, right, feature = self.left.tolist(), self.right.tolist(), self.feature.tolist()
        threshold, missing_left = self.threshold.tolist(), self.missing_left.tolist()
        paths = []
        for row in rows.tolist():
            path, node = [], 0
            while left[node] >= 0:
                value = row[feature[node]]
                if node in self.members:
                    is_left = value in self.members[node]
                else:
                    path.append(node)
                    is_left = missing_left[node] if isnan(value) else value <= threshold[node]
                node = left[node] if is_left else right[node]
            paths.append([node for node in path if isfinite(threshold[node])])
        return paths


def trees_of(model: Any) -> list[tuple[int, Tree]]:
    """The trees whose leaves add up to a fitted model's outputs, each with the output it adds to.

    A forest's sums must be divided by its number of trees. Of two classes only the second has a
    sum. A model that is not made of trees has none.

    Raises
    ------
    NotImplementedError
        If the model has more than one target.
    """
    if isinstance(model, FORESTS):
        if model.n_outputs_ > 1:
            raise NotImplementedError("a model of more than one target")
        members = getattr(model, "estimators_", [model])
        return [
            (target, _of_tree(one.tree_, column))
            for target, column in enumerate(_columns(model))
            for one in members
        ]
    if isinstance(model, BOOSTED):
        return [
            (target, _of_tree(one.tree_, 0, model.learning_rate))
            for stage in model.estimators_
            for target, one in enumerate(stage)
        ]
    if isinstance(model, BOOSTED_FROM_HISTOGRAMS):
        columns, known = _as_encoded(model)
        return [
            (target, _of_predictor(one, columns, known))
            for stage in model._predictors
            for target, one in enumerate(stage)
        ]
    return []


def _columns(forest: Any) -> range:
    """Which columns of a leaf's values are summed up."""
    classes = getattr(forest, "n_classes_", 1)
    return range(1, 2) if classes == 2 else range(classes)  # noqa: PLR2004


def _as_encoded(model: Any) -> tuple[NDArray[np.intp], list[Floats]]:
    """The positions of the trees' features in the model's, and the categories of the first."""
    if model.is_categorical_ is None:
        return np.arange(model.n_features_in_), []
    encoder = model._preprocessor.named_transformers_["encoder"]
    known = [categories[pd.notna(categories)] for categories in encoder.categories_]
    return np.argsort(~model.is_categorical_, kind="stable"), known


def _of_tree(tree: Any, column: int, factor: float = 1.0) -> Tree:
    return Tree(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        tree.missing_go_to_left.astype(bool),
        tree.value[:, 0, column] * factor,
        {},
        tree.weighted_n_node_samples,
    )


def _of_predictor(predictor: Any, columns: NDArray[np.intp], known: Sequence[Floats]) -> Tree:
    nodes = predictor.nodes
    is_leaf, missing_left = nodes["is_leaf"].astype(bool), nodes["missing_go_to_left"].astype(bool)
    left = np.where(is_leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(is_leaf, -1, nodes["right"].astype(np.int64))
    members = {}
    for node in np.flatnonzero(nodes["is_categorical"]).tolist():
        categories = known[nodes["feature_idx"][node]]
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]].view(np.uint8)
        goes_left = np.unpackbits(bits, bitorder="little")[: len(categories)].astype(bool)
        # Unknown categories take the branch of missing values: the side that is not listed.
        if missing_left[node]:
            left[node], right[node] = right[node], left[node]
            goes_left = ~goes_left
        missing_left[node] = False
        members[node] = categories[goes_left]
    feature = columns[nodes["feature_idx"]]
    threshold, cover = nodes["num_threshold"], nodes["count"].astype(np.float64)
    return Tree(left, right, feature, threshold, missing_left, nodes["value"], members, cover)


def attributes(trees: Iterable[tuple[int, Tree]]) -> dict[str, Any]:
    """The attributes of a TreeEnsemble that adds trees up, each to the sum it stands with."""
    parts: dict[str, list[Any]] = defaultdict(list)
    nodes = leaves = 0
    for target, bare in trees:
        tree = _with_a_node(bare)
        is_leaf = tree.left < 0
        inner = ~is_leaf
        # Inner nodes and leaves are numbered separately, each over all trees.
        place = np.where(is_leaf, leaves + is_leaf.cumsum(), nodes + inner.cumsum()) - 1
        parts["tree_roots"].append([nodes])
        for side, branch in (("true", tree.left[inner]), ("false", tree.right[inner])):
            parts[f"nodes_{side}nodeids"].append(place[branch])
            parts[f"nodes_{side}leafs"].append(is_leaf[branch])
        modes = np.full(len(inner), UP_TO, np.uint8)
        modes[list(tree.members)] = AMONG
        parts["nodes_modes"].append(modes[inner])
        parts["nodes_featureids"].append(tree.feature[inner])
        parts["nodes_splits"].append(tree.threshold[inner])
        parts["nodes_missing_value_tracks_true"].append(tree.missing_left[inner])
        parts["membership_values"] += [[*tree.members[at], np.nan] for at in sorted(tree.members)]
        parts["leaf_weights"].append(tree.leaf[is_leaf])
        parts["leaf_targetids"].append(np.full(is_leaf.sum(), target))
        nodes, leaves = nodes + int(inner.sum()), leaves + int(is_leaf.sum())
    joined = {name: np.concatenate(part) for name, part in parts.items() if part}
    tensors = {
        name: numpy_helper.from_array(joined.pop(name)) for name in TENSORS if name in joined
    }
    integers = {name: values.astype(int).tolist() for name, values in joined.items()}
    return {**integers, **tensors, "n_targets": target + 1, "aggregate_function": SUM}


def _with_a_node(tree: Tree) -> Tree:
    """The tree, or if it is only a leaf, one with a node and two leaves like it.

    A node whose branches are the same leaf stands for a bare leaf, and ONNX Runtime ignores it
    unless it is the only tree.
    """
    if len(tree.left) > 1:
        return tree
    left, right, zeros = np.array([1, -1, -1]), np.array([2, -1, -1]), np.zeros(3)
    none, leaf, cover = zeros.astype(bool), tree.leaf.repeat(3), tree.cover.repeat(3)
    return Tree(left, right, zeros.astype(int), zeros, none, leaf, {}, cover)
