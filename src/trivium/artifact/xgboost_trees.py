"""Reads the trees of fitted XGBoost models, from the JSON that XGBoost itself saves a model as.

XGBoost rounds what it reads to single precision, asks whether it is below a threshold, and sums in single precision.
Thresholds are moved so that nothing need be rounded; the sums are made in doubles, which are nearer to the truth.

Source: XGBoost, `doc/model.schema`, `include/xgboost/tree_model.h`, `src/common/categorical.h`.
"""

import json
from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from trivium.artifact.estimators import Estimator, Link, from_ensemble, label_classes
from trivium.artifact.pieces import Pieces, over_spans
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.single_precision import rounded_into
from trivium.artifact.trees import Ensemble, Tree

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = 1e-6
LINKS: Mapping[str, Link] = {
    **dict.fromkeys(("reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror"), "identity"),
    **dict.fromkeys(("reg:pseudohubererror", "reg:quantileerror", "reg:expectileerror"), "identity"),
    **dict.fromkeys(("rank:ndcg", "rank:map", "rank:pairwise", "binary:logitraw"), "identity"),
    **dict.fromkeys(("binary:logistic", "reg:logistic"), "sigmoid"),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"), "exponential"),
    **dict.fromkeys(("multi:softprob", "multi:softmax"), "softmax"),
}


def boosting(model: Any) -> Estimator:
    """Read an XGBClassifier, -Regressor, -Ranker, their forests, or a Booster.

    A model that stopped early answers with its best iteration, a Booster with all: so they do themselves.

    Raises:
        NotCompilable: it is linear (gblinear), has several outputs, or its objective is not known here.
    """
    is_wrapped = hasattr(model, "get_booster")
    booster = model.get_booster() if is_wrapped else model
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective, shape = learner["objective"]["name"], learner["learner_model_param"]
    if objective not in LINKS:
        raise NotCompilable(f"its objective is {objective}")
    if int(shape["num_target"]) > 1:
        raise NotCompilable(f"it has {shape['num_target']} outputs")
    targets = max(1, int(shape["num_class"]))
    grown = _grown(learner["gradient_booster"], best=getattr(model, "best_iteration", None) if is_wrapped else None)
    known = _categories([each.tree for each in grown])
    ensemble = Ensemble(
        [_tree(each, known) for each in grown],
        _base(shape["base_score"], LINKS[objective], targets=targets),
        codes={feature: _codes(known[feature]) for feature in known},
        hole=_hole(getattr(model, "missing", nan), width=int(shape["num_feature"])),
        single=True,
    )
    return from_ensemble(
        ensemble,
        classes=label_classes(model, targets=targets),
        link=LINKS[objective],
        takes_missing=True,
        tolerance=TOLERANCE,
    )


class Grown(NamedTuple):
    """A tree as XGBoost writes it, the target that it adds to, and what its leaves are multiplied by."""

    tree: Mapping[str, Any]
    target: int
    weight: float


def _grown(booster: Mapping[str, Any], *, best: int | None) -> list[Grown]:
    """List the trees that answer; those of a DART booster have weights."""
    if booster["name"] == "gblinear":
        raise NotCompilable("it is linear (gblinear), not trees")
    model = booster.get("gbtree", booster)["model"]
    weights = booster.get("weight_drop", [1.0] * len(model["trees"]))
    count = len(model["trees"]) if best is None else model["iteration_indptr"][best + 1]
    found = zip(model["trees"][:count], model["tree_info"], weights, strict=False)
    return [Grown(tree, target, weight) for tree, target, weight in found]


def _base(score: str, link: Link, *, targets: int) -> "Array":
    """Read what the sums begin with, which is written as an answer: sent back through the link."""
    import numpy as np

    base = np.array(score.strip("[]").split(","), dtype=np.float64)
    if link == "sigmoid":
        base = -np.log(1.0 / base - 1.0)
    elif link == "exponential":
        base = np.log(base)
    return np.broadcast_to(base, (targets,))


def _hole(missing: float, *, width: int) -> "tuple[Array, Array] | None":
    """Tell which numbers are read as missing, where the model was told of one."""
    import numpy as np

    if missing is None or isnan(missing):
        return None
    number = np.full(width, missing, dtype=np.float32)
    return rounded_into(number, number)


def _categories(trees: Sequence[Mapping[str, Any]]) -> dict[int, list[int]]:
    """List the categories that any tree asks for, by feature."""
    known: dict[int, set[int]] = {}
    for tree in trees:
        for node, members in _members(tree).items():
            known.setdefault(tree["split_indices"][node], set()).update(members)
    return {feature: sorted(known[feature]) for feature in sorted(known)}


def _members(tree: Mapping[str, Any]) -> dict[int, list[int]]:
    """List the categories that go right, by the node that asks."""
    starts, sizes = tree["categories_segments"], tree["categories_sizes"]
    return {
        node: tree["categories"][start : start + size]
        for node, start, size in zip(tree["categories_nodes"], starts, sizes, strict=True)
    }


def _codes(categories: Sequence[int]) -> Pieces:
    """Code the categories from 1, and what is missing past them: a number is rounded, then cut to an integer."""
    import numpy as np

    at = np.array(categories, dtype=np.float32)
    low, high = rounded_into(at, np.nextafter(at + 1, np.float32(0)))
    codes = range(1, len(categories) + 1)
    return over_spans(list(zip(low.tolist(), high.tolist(), codes, strict=True)), other=0, missing=len(codes) + 1)


def _tree(grown: Grown, known: Mapping[int, Sequence[int]]) -> Tree:
    """Read one tree. Where it asks for categories the branches are swapped: what no set holds goes left in XGBoost."""
    import numpy as np

    tree = grown.tree
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NotCompilable("its leaves hold several outputs")
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    feature = np.array(tree["split_indices"])
    is_leaf, default_left = left < 0, np.array(tree["default_left"], dtype=bool)
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    members: dict[int, list[int]] = {}
    for node, categories in _members(tree).items():
        at = known[int(feature[node])]
        code = {category: place + 1 for place, category in enumerate(at)}
        members[node] = [code[category] for category in categories]
        if not default_left[node]:
            members[node].append(len(at) + 1)
        left[node], right[node] = right[node], left[node]
        default_left[node] = False
    return Tree(
        feature=feature,
        threshold=np.nextafter(numbers, np.float32(-np.inf)),
        left=left,
        right=right,
        missing_left=default_left,
        is_leaf=is_leaf,
        value=numbers * np.float32(grown.weight),
        target=grown.target,
        members=members,
    )


READERS = dict.fromkeys(
    ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor", "Booster"), boosting
)
