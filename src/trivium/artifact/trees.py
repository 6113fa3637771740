"""Ensembles of trees as one value, whoever grew them, and as one float64 `TreeEnsemble` node of ONNX.

Each inner node asks `x[feature] <= threshold`, or whether the code of `x[feature]` is a member of a set; yes goes left,
and a missing value where the node says. Predictions are sums of leaves, in the order of the trees: started from the
base values as first trees, so that they are summed in the order in which the libraries sum them, bit for bit.

Source: ONNX, operator `TreeEnsemble` of `ai.onnx.ml` version 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from trivium.artifact.graph import INPUT, ML, Graph
from trivium.artifact.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

LEQ, MEMBER = 0, 6
SUM = 1


@dataclass(frozen=True)
class Tree:
    """One tree, node 0 its root; all arrays have one entry a node.

    `left` and `right` are places in the same arrays, read where `is_leaf` is false; `value` where it is true. `members`
    holds the codes that go left for the nodes that ask for membership; a code that no set holds goes right.
    """

    feature: "Array"
    threshold: "Array"
    left: "Array"
    right: "Array"
    missing_left: "Array"
    is_leaf: "Array"
    value: "Array"
    target: int = 0
    members: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are summed by target, from `base`, shape (targets,).

    What lies in the closed span `hole`, lower and upper ends of shape (features,), is read as missing. A feature in
    `codes` is then replaced by its code before any tree reads it; a row whose code is infinite is refused, and its sums
    are NaN. In `single` precision numbers are rounded before they are compared, and so is each sum.
    """

    trees: Sequence[Tree]
    base: "Array"
    codes: Mapping[int, Pieces] = field(default_factory=dict)
    hole: "tuple[Array, Array] | None" = None
    single: bool = False


def constant_tree(value: float, *, target: int = 0) -> Tree:
    """Make the tree that says the same of every row."""
    import numpy as np

    nothing = np.zeros(1)
    return Tree(
        feature=nothing,
        threshold=nothing,
        left=nothing,
        right=nothing,
        missing_left=nothing,
        is_leaf=np.ones(1, dtype=bool),
        value=np.array([value]),
        target=target,
    )


def add_ensemble(graph: Graph, ensemble: Ensemble, *, source: str = INPUT, width: int) -> str:
    """Add an ensemble's nodes over the matrix `source` of `width` columns; returns the sums, shape (rows, targets)."""
    import numpy as np

    if ensemble.hole is not None:
        low, high = (graph.constant(end) for end in ensemble.hole)
        within = graph.add("And", graph.add("GreaterOrEqual", source, low), graph.add("LessOrEqual", source, high))
        source = graph.add("Where", within, graph.constant(np.nan), source)
    coded, codes = None, ensemble.codes
    if codes:
        pieces = [piece_tree(codes[at], column=at, target=at) for at in sorted(codes)]
        coded = add_trees(graph, pieces, source=source, targets=width)
        source = graph.add("Where", graph.constant(np.isin(np.arange(width), list(codes)), bool), coded, source)
    base = [constant_tree(float(value), target=target) for target, value in enumerate(ensemble.base) if value != 0]
    trees = [*base, *ensemble.trees]
    sums = add_trees(graph, trees, source=source, targets=len(ensemble.base), single=ensemble.single)
    if coded is None or all(isfinite(value) for each in codes.values() for value in each.values):
        return sums
    return graph.add("Add", sums, graph.add("MatMul", coded, graph.constant(np.zeros((width, 1)))))


def piece_tree(pieces: Pieces, *, column: int, target: int) -> Tree:
    """Lay a piecewise constant function of one column out as a balanced tree; a missing value has its own leaf.

    The root asks `x <= infinity`, which only a missing value is not.
    """
    import numpy as np

    nodes: list[tuple[float, int, int, float]] = []  # threshold, left, right, value; a leaf has left -1

    def grow(low: int, high: int) -> int:
        """Grow the tree over the pieces `low` to `high`, both included; return its root's place."""
        place = len(nodes)
        if low == high:
            nodes.append((0.0, -1, -1, pieces.values[low]))
            return place
        middle = (low + high) // 2
        nodes.append((pieces.ends[middle], 0, 0, 0.0))
        left, right = grow(low, middle), grow(middle + 1, high)
        nodes[place] = (pieces.ends[middle], left, right, 0.0)
        return place

    nodes.append((np.inf, 0, 0, 0.0))
    root = grow(0, len(pieces.values) - 1)
    nodes.append((0.0, -1, -1, pieces.missing))
    nodes[0] = (np.inf, root, len(nodes) - 1, 0.0)
    threshold, left, right, value = (np.array(part) for part in zip(*nodes, strict=True))
    return Tree(
        feature=np.full(len(nodes), column),
        threshold=threshold,
        left=left,
        right=right,
        missing_left=np.zeros(len(nodes)),
        is_leaf=left < 0,
        value=value,
        target=target,
    )


def add_trees(graph: Graph, trees: Sequence[Tree], *, source: str, targets: int, single: bool = False) -> str:
    """Add one `TreeEnsemble` node over `source` that sums the trees' leaves; shape (rows, targets).

    In `single` precision everything in the node is rounded to it, what comes in and what is summed included.
    """
    import numpy as np
    from onnx import TensorProto, numpy_helper

    flat = _Flat(trees)
    kind = np.float32 if single else np.float64

    def numbers(values: "Array") -> Any:
        return numpy_helper.from_array(values.astype(kind))

    sums = graph.add(
        "TreeEnsemble",
        graph.add("Cast", source, to=TensorProto.FLOAT) if single else source,
        domain=ML,
        n_targets=targets,
        aggregate_function=SUM,
        post_transform=0,
        tree_roots=flat.roots,
        nodes_featureids=flat.feature,
        nodes_splits=numbers(flat.threshold),
        nodes_modes=numpy_helper.from_array(flat.mode),
        nodes_truenodeids=flat.left,
        nodes_trueleafs=flat.left_is_leaf,
        nodes_falsenodeids=flat.right,
        nodes_falseleafs=flat.right_is_leaf,
        nodes_missing_value_tracks_true=flat.missing_left,
        leaf_targetids=flat.target,
        leaf_weights=numbers(flat.value),
        **({"membership_values": numbers(flat.members)} if len(flat.members) else {}),
    )
    return graph.add("Cast", sums, to=TensorProto.DOUBLE) if single else sums


class _Flat:
    """The trees as the flat lists that the operator wants: inner nodes and leaves counted apart."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        import numpy as np

        whole = [_branched(tree) for tree in trees]
        is_leaf = np.concatenate([tree.is_leaf for tree in whole]).astype(bool)
        inner = ~is_leaf
        # The place of each node among the inner ones, or among the leaves.
        place = np.where(is_leaf, np.cumsum(is_leaf) - 1, np.cumsum(inner) - 1)
        starts = np.cumsum([0, *(len(tree.is_leaf) for tree in whole)])[:-1]

        def joined(name: str, kind: Any) -> Any:
            return np.concatenate([getattr(tree, name) for tree in whole]).astype(kind)

        def child(name: str) -> Any:
            sizes = [len(tree.is_leaf) for tree in whole]
            return (joined(name, np.int64) + np.repeat(starts, sizes))[inner]

        left, right = child("left"), child("right")
        self.roots = place[starts]
        self.feature = joined("feature", np.int64)[inner]
        self.threshold = joined("threshold", np.float64)[inner]
        self.left, self.left_is_leaf = place[left], is_leaf[left].astype(np.int64)
        self.right, self.right_is_leaf = place[right], is_leaf[right].astype(np.int64)
        self.missing_left = joined("missing_left", np.int64)[inner]
        self.value = joined("value", np.float64)[is_leaf]
        self.target = np.repeat([tree.target for tree in whole], [int(np.sum(tree.is_leaf)) for tree in whole])
        asked = [(starts[at] + node, tree.members[node]) for at, tree in enumerate(whole) for node in tree.members]
        asked.sort(key=lambda each: each[0])
        self.mode = np.full(len(self.feature), LEQ, dtype=np.uint8)
        self.mode[place[[node for node, _ in asked]].astype(np.int64)] = MEMBER
        # Sets follow each other in the order of their nodes, each ended by NaN.
        self.members = np.array([code for _, codes in asked for code in (*sorted(codes), np.nan)], dtype=np.float64)


def _branched(tree: Tree) -> Tree:
    """Give a tree that is one leaf a root: both its branches are that leaf."""
    import numpy as np

    if not tree.is_leaf[0]:
        return tree
    return Tree(
        feature=np.zeros(2),
        threshold=np.zeros(2),
        left=np.array([1, 0]),
        right=np.array([1, 0]),
        missing_left=np.zeros(2),
        is_leaf=np.array([False, True]),
        value=np.array([0.0, tree.value[0]]),
        target=tree.target,
    )
