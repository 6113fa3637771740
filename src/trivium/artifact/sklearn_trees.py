"""Reads the trees of fitted scikit-learn estimators: gradient boosting of both kinds, forests, single trees.

All but histogram boosting round what they read to single precision first. Their thresholds are moved instead, to the
largest number that still rounds to where it goes left: the same rows go the same way, and no number is rounded.
"""

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from trivium.artifact.estimators import Estimator, Link, from_ensemble, plain_classes
from trivium.artifact.pieces import Pieces, at_keys
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.single_precision import BEYOND_FLOAT32, at_single_precision
from trivium.artifact.trees import Ensemble, Tree

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


def histogram_boosting(model: Any) -> Estimator:
    """Read HistGradientBoosting; its categories are coded from 1 in the order it holds them, what it never saw is 0.

    It puts the categorical columns first, and treats a category that it never saw as a missing value.
    """
    import numpy as np

    is_categorical = model.is_categorical_
    codes: dict[int, Pieces] = {}
    if is_categorical is None:
        order = np.arange(model.n_features_in_)
        known: list[Any] = []
    else:
        order = np.concatenate([np.flatnonzero(is_categorical), np.flatnonzero(~is_categorical)])
        known = [_numbers(each) for each in model._preprocessor.named_transformers_["encoder"].categories_]
        for place, categories in enumerate(known):
            keys = categories[~np.isnan(categories)]
            # Its encoder refuses what is infinite; that code is infinite, see `Ensemble`.
            values = [*range(1, len(keys) + 1), inf, inf]
            codes[int(order[place])] = at_keys([*keys, -inf, inf], values, other=0, missing=0)
    counts = [int(np.sum(~np.isnan(categories))) for categories in known]
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    trees = [
        _histogram_tree(predictor, order=order, counts=counts, target=target)
        for iteration in model._predictors
        for target, predictor in enumerate(iteration)
    ]
    classes, link = _classes_and_link(model, targets=len(base))
    return from_ensemble(Ensemble(trees, base, codes), classes=classes, link=link, takes_missing=True)


def _numbers(categories: Any) -> "Array":
    import numpy as np

    if np.asarray(categories).dtype.kind not in "biuf":
        raise NotCompilable("its categories are no numbers")
    return np.asarray(categories, dtype=np.float64)


def _histogram_tree(predictor: Any, *, order: "Array", counts: Sequence[int], target: int) -> Tree:
    import numpy as np

    nodes = predictor.nodes
    feature = order[nodes["feature_idx"]]
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    is_leaf = nodes["is_leaf"].astype(bool)
    members: dict[int, list[int]] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
        count = counts[nodes["feature_idx"][node]]
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        goes_left = [code + 1 for code in range(count) if int(bits[code // 32]) >> (code % 32) & 1]
        if missing_left[node]:
            # What no set holds goes right: ask for those that go right, and swap the branches.
            left[node], right[node] = right[node], left[node]
            goes_left = sorted(set(range(1, count + 1)) - set(goes_left))
        missing_left[node] = False
        members[int(node)] = goes_left
    return Tree(
        feature=feature,
        threshold=nodes["num_threshold"],
        left=left,
        right=right,
        missing_left=missing_left,
        is_leaf=is_leaf,
        value=nodes["value"],
        target=target,
        members=members,
    )


def _classes_and_link(model: Any, *, targets: int) -> tuple[tuple[Any, ...] | None, Link]:
    """Tell the classes and the link of a boosting model, by its loss."""
    if hasattr(model, "classes_"):
        return plain_classes(model.classes_), "sigmoid" if targets == 1 else "softmax"
    link = type(model._loss.link).__name__
    if link == "LogLink":
        return None, "exponential"
    if link == "IdentityLink":
        return None, "identity"
    raise NotCompilable(f"its link is {link}")


def gradient_boosting(model: Any) -> Estimator:
    """Read GradientBoosting; only with the usual first guess, a constant."""
    import numpy as np

    first = model.init_
    if first != "zero" and type(first).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise NotCompilable(f"its first guess is a {type(first).__name__}")
    base = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32)).reshape(-1)
    grown = [
        _plain_tree(tree.tree_, values=tree.tree_.value[:, 0, 0] * model.learning_rate, target=target)
        for stage in model.estimators_
        for target, tree in enumerate(stage)
    ]
    classes, link = _classes_and_link(model, targets=len(base))
    scale = 2.0 if type(model._loss).__name__ == "ExponentialLoss" else 1.0
    return from_ensemble(
        Ensemble(grown, base.astype(np.float64)), classes=classes, link=link, scale=scale, limit=BEYOND_FLOAT32
    )


def forest(model: Any) -> Estimator:
    """Read RandomForest and ExtraTrees: the mean of what their trees say, the shares of the classes in a leaf."""
    return _mean_of(model, [tree.tree_ for tree in model.estimators_], model.estimators_[0])


def single_tree(model: Any) -> Estimator:
    """Read a DecisionTree or an ExtraTree."""
    return _mean_of(model, [model.tree_], model)


def _mean_of(model: Any, trees: Sequence[Any], one: Any) -> Estimator:
    import numpy as np

    if model.n_outputs_ != 1:
        raise NotCompilable(f"it has {model.n_outputs_} outputs")
    classes = plain_classes(model.classes_) if hasattr(model, "classes_") else None
    # Of two classes the second one's share is enough.
    targets = [0] if classes is None else [1] if len(classes) == 2 else list(range(len(classes)))
    grown = [
        _plain_tree(tree, values=tree.value[:, 0, column], target=target)
        for tree in trees
        for target, column in enumerate(targets)
    ]
    return from_ensemble(
        Ensemble(grown, np.zeros(len(targets))),
        classes=classes,
        scale=1.0 / len(trees),
        limit=BEYOND_FLOAT32,
        takes_missing=bool(one.__sklearn_tags__().input_tags.allow_nan),
    )


def _plain_tree(tree: Any, *, values: "Array", target: int) -> Tree:
    import numpy as np

    is_leaf = tree.children_left < 0
    goes_left = getattr(tree, "missing_go_to_left", np.zeros(len(is_leaf)))
    return Tree(
        feature=tree.feature,
        threshold=at_single_precision(tree.threshold),
        left=tree.children_left,
        right=tree.children_right,
        missing_left=goes_left,
        is_leaf=is_leaf,
        value=values,
        target=target,
    )


READERS = {
    "HistGradientBoostingClassifier": histogram_boosting,
    "HistGradientBoostingRegressor": histogram_boosting,
    "GradientBoostingClassifier": gradient_boosting,
    "GradientBoostingRegressor": gradient_boosting,
    **dict.fromkeys(("RandomForestClassifier", "RandomForestRegressor"), forest),
    **dict.fromkeys(("ExtraTreesClassifier", "ExtraTreesRegressor"), forest),
    **dict.fromkeys(("DecisionTreeClassifier", "DecisionTreeRegressor"), single_tree),
    **dict.fromkeys(("ExtraTreeClassifier", "ExtraTreeRegressor"), single_tree),
}
