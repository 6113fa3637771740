"""Reads the trees of fitted LightGBM models, from the text that LightGBM itself saves a model as. It sums in doubles.

Source: LightGBM, `include/LightGBM/tree.h` (`NumericalDecision`, `CategoricalDecision`) and the objectives'
`ConvertOutput`.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf, nan, nextafter
from typing import TYPE_CHECKING, Any

from trivium.artifact.estimators import Estimator, Link, from_ensemble, label_classes
from trivium.artifact.pieces import Pieces, over_spans
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.trees import Ensemble, Tree, constant_tree

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Section = dict[str, str]
# `kZeroThreshold`, a single number: what is nearer to 0 is read as 0.
ZERO = float.fromhex("0x1.a95a5cp-117")
IS_CATEGORICAL, DEFAULT_LEFT, MISSING_TYPE = 1, 2, 3 << 2
NO_MISSING, MISSING_IS_ZERO = 0, 1 << 2
LINKS: Mapping[str, Link] = {
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "identity"),
    **dict.fromkeys(("lambdarank", "rank_xendcg"), "identity"),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "exponential"),
    **dict.fromkeys(("binary", "multiclassova", "cross_entropy"), "sigmoid"),
    "multiclass": "softmax",
    "cross_entropy_lambda": "log1p_exp",
}


def boosting(model: Any) -> Estimator:
    """Read an LGBMClassifier, -Regressor, -Ranker or a Booster, up to the best iteration where it stopped early.

    Raises:
        NotCompilable: its leaves are linear models, or its objective is the project's own.
    """
    import numpy as np

    booster = getattr(model, "booster_", model)
    header, *sections = _sections(booster.model_to_string())
    link, scale = _link(header.get("objective", "of the project's own"))
    targets = int(header["num_tree_per_iteration"])
    known = _categories(sections)
    trees = [_tree(section, known, target=place % targets) for place, section in enumerate(sections)]
    if "average_output" in header:
        scale *= targets / max(1, len(trees))
    ensemble = Ensemble(
        trees,
        np.zeros(targets),
        codes={feature: _codes(known[feature]) for feature in known},
        hole=_hole(sections, width=int(header["max_feature_idx"]) + 1),
    )
    classes = label_classes(model, targets=targets)
    return from_ensemble(ensemble, classes=classes, link=link, scale=scale, takes_missing=True)


def _sections(text: str) -> Iterator[Section]:
    """Read the header, then each tree, as names and values."""
    section: Section = {}
    for line in text.splitlines():
        if line.startswith("Tree=") or line == "end of trees":
            yield section
            section = {}
        name, _, value = line.partition("=")
        section[name] = value


def _numbers(section: Section, name: str, kind: Any) -> "Array":
    import numpy as np

    return np.array(section.get(name, "").split(), dtype=kind)


def _link(objective: str) -> tuple[Link, float]:
    """Tell the link and what the sums are multiplied by before it."""
    name, *options = objective.split()
    if name not in LINKS:
        raise NotCompilable(f"its objective is {objective}")
    if "sqrt" in options:
        return "signed_square", 1.0
    steepness = dict(option.split(":") for option in options if ":" in option).get("sigmoid", "1")
    return LINKS[name], float(steepness)


def _categories(sections: Sequence[Section]) -> dict[int, list[int]]:
    """List the categories that any tree asks for, by feature."""
    known: dict[int, set[int]] = {}
    for section in sections:
        features = _numbers(section, "split_feature", int)
        for node, members in _members(section).items():
            known.setdefault(int(features[node]), set()).update(members)
    return {feature: sorted(known[feature]) for feature in sorted(known)}


def _members(section: Section) -> dict[int, list[int]]:
    """List the categories that go left, by the node that asks."""
    import numpy as np

    kinds, places = _numbers(section, "decision_type", int), _numbers(section, "threshold", float)
    starts, words = _numbers(section, "cat_boundaries", int), _numbers(section, "cat_threshold", np.uint32)
    found: dict[int, list[int]] = {}
    for node in np.flatnonzero(kinds & IS_CATEGORICAL):
        place = int(places[node])
        bits = np.unpackbits(words[starts[place] : starts[place + 1]].view(np.uint8), bitorder="little")
        found[int(node)] = np.flatnonzero(bits).tolist()
    return found


def _codes(categories: Sequence[int]) -> Pieces:
    """Code the categories from 1: a number is cut to an integer before it is looked up. What is missing goes right."""
    spans = [
        (float(at) if at else nextafter(-1.0, 0.0), nextafter(at + 1.0, 0.0), float(place + 1))
        for place, at in enumerate(categories)
    ]
    return over_spans(spans, other=0, missing=0)


def _hole(sections: Sequence[Section], *, width: int) -> "tuple[Array, Array] | None":
    """Tell in which features 0 means missing (`zero_as_missing`), as a span of numbers for each."""
    import numpy as np

    is_zero, is_other = np.zeros(width, dtype=bool), np.zeros(width, dtype=bool)
    for section in sections:
        kinds, features = _numbers(section, "decision_type", int), _numbers(section, "split_feature", int)
        asks = (kinds & IS_CATEGORICAL) == 0
        zero = asks & ((kinds & MISSING_TYPE) == MISSING_IS_ZERO)
        is_zero[features[zero]], is_other[features[asks & ~zero]] = True, True
    if np.any(is_zero & is_other):
        raise NotCompilable("0 is missing in some of its trees and a number in others")
    return (np.where(is_zero, -ZERO, inf), np.where(is_zero, ZERO, -inf)) if is_zero.any() else None


def _tree(section: Section, known: Mapping[int, Sequence[int]], *, target: int) -> Tree:
    """Read one tree: inner nodes first, then the leaves, which children name by their complement."""
    import numpy as np

    if section.get("is_linear") == "1":
        raise NotCompilable("its leaves are linear models (linear_tree)")
    leaves, kinds = _numbers(section, "leaf_value", float), _numbers(section, "decision_type", int)
    count = len(kinds)
    if not count:
        return constant_tree(float(leaves[0]), target=target)

    def inner(values: Any, blank: float) -> "Array":
        return np.concatenate([values, np.full(len(leaves), blank)])

    def child(name: str) -> "Array":
        found = _numbers(section, name, int)
        return inner(np.where(found < 0, count + ~found, found), 0).astype(int)

    feature = inner(_numbers(section, "split_feature", int), 0).astype(int)
    is_categorical = (kinds & IS_CATEGORICAL) != 0
    threshold = _past_zero(_numbers(section, "threshold", float))
    goes_left = np.where((kinds & MISSING_TYPE) == NO_MISSING, threshold >= 0, (kinds & DEFAULT_LEFT) != 0)
    code = {at: {category: place + 1 for place, category in enumerate(known[at])} for at in known}
    return Tree(
        feature=feature,
        threshold=inner(threshold, nan),
        left=child("left_child"),
        right=child("right_child"),
        missing_left=inner(goes_left & ~is_categorical, 0).astype(bool),
        is_leaf=np.arange(count + len(leaves)) >= count,
        value=np.concatenate([np.full(count, nan), leaves]),
        target=target,
        members={
            node: [code[int(feature[node])][category] for category in categories]
            for node, categories in _members(section).items()
        },
    )


def _past_zero(threshold: "Array") -> "Array":
    """Move the thresholds beside 0 to where numbers begin that are not read as 0."""
    import numpy as np

    threshold = np.where((threshold >= 0) & (threshold < ZERO), ZERO, threshold)
    return np.where((threshold < 0) & (threshold >= -ZERO), nextafter(-ZERO, -inf), threshold)


READERS = dict.fromkeys(("LGBMClassifier", "LGBMRegressor", "LGBMRanker", "Booster"), boosting)
