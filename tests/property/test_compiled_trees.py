"""Laws of compiled trees: any trees, any numbers, the same leaves."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier, RandomForestClassifier

from originals import asked, compiled, held
from trivium.artifact.compiled import Compiled, session_of
from trivium.artifact.graph import Graph
from trivium.artifact.pieces import at_keys, over_spans
from trivium.artifact.single_precision import at_single_precision
from trivium.artifact.trees import Ensemble, Tree, add_ensemble, add_trees, constant_tree, piece_tree

WIDTH = 3
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-3, 70).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 2.0**53 + 2, 1.7e9, 16777217.0]),
)
ROWS = st.lists(st.lists(NUMBERS, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=12).map(np.array)
KEYS = st.lists(
    st.one_of(st.integers(-5, 100).map(float), st.floats(allow_nan=False)), min_size=1, max_size=80, unique=True
)


@st.composite
def trees(draw, targets=1, codes=0):
    """A tree of up to 15 nodes; with codes, its first column may be asked for membership."""
    nodes = [None]
    waiting = [0]
    while waiting and len(nodes) < 14 and draw(st.booleans()):
        place = waiting.pop(0)
        nodes[place] = (len(nodes), len(nodes) + 1)
        nodes += [None, None]
        waiting += [len(nodes) - 2, len(nodes) - 1]
    count = len(nodes)
    feature = draw(st.lists(st.integers(0, WIDTH - 1), min_size=count, max_size=count))
    asks = [place for place in range(count) if nodes[place] and feature[place] == 0 and codes]
    return Tree(
        feature=np.array(feature),
        threshold=np.array(draw(st.lists(st.floats(allow_nan=False), min_size=count, max_size=count))),
        left=np.array([node[0] if node else 0 for node in nodes]),
        right=np.array([node[1] if node else 0 for node in nodes]),
        missing_left=np.array([place not in asks and draw(st.booleans()) for place in range(count)]),
        is_leaf=np.array([node is None for node in nodes]),
        value=np.array(draw(st.lists(st.integers(-1000, 1000).map(float), min_size=count, max_size=count))),
        target=draw(st.integers(0, targets - 1)),
        members={place: draw(st.sets(st.integers(1, codes), min_size=1)) for place in asks},
    )


def walk(tree, row):
    """Say which leaf's value a row gets, node by node."""
    place = 0
    while not tree.is_leaf[place]:
        number = row[tree.feature[place]]
        if place in tree.members:
            goes_left = number in tree.members[place]
        else:
            goes_left = bool(tree.missing_left[place]) if math.isnan(number) else number <= tree.threshold[place]
        place = tree.left[place] if goes_left else tree.right[place]
    return tree.value[place]


def run(make, *, targets, rows):
    graph = Graph()
    body = graph.finish(make(graph), width=WIDTH, outputs=targets)
    classes = None if targets == 1 else tuple(range(targets + 1))
    compiled = Compiled(form="trees", columns=("a", "b", "c"), classes=classes, body=body)
    return session_of(compiled).predict(np.ascontiguousarray(rows)).reshape(len(rows), targets)


@given(st.lists(trees(targets=2), min_size=1, max_size=4), ROWS)
@settings(deadline=None, max_examples=150)
def test_a_graph_walks_as_a_person_would(some, rows):
    """Each row's sums are those of the leaves that one comes to by hand; single leaves and missing values included."""
    want = np.array([[sum(walk(t, row) for t in some if t.target == target) for target in (0, 1)] for row in rows])
    assert np.array_equal(run(lambda g: add_trees(g, some, source="X", targets=2), targets=2, rows=rows), want)


@given(KEYS, st.data())
@settings(deadline=None, max_examples=100)
def test_membership_of_coded_categories(keys, data):
    """A category goes where its set says; whatever is no category, be it a hair off one, goes with those of no set."""
    some = data.draw(st.lists(trees(codes=len(keys)), min_size=1, max_size=3))
    beside = [math.nextafter(key, way) for key in keys[:3] for way in (-math.inf, math.inf)]
    asked_of = [*keys, *beside, *data.draw(st.lists(NUMBERS, min_size=1, max_size=5)), math.nan, 64.5, 0.5]
    rows = np.array([[number, *data.draw(st.tuples(NUMBERS, NUMBERS))] for number in asked_of])
    pieces = at_keys(keys, range(1, len(keys) + 1), other=0, missing=0)
    code = {key: place + 1 for place, key in enumerate(keys)}
    coded = rows.copy()
    coded[:, 0] = [code.get(number, 0) for number in rows[:, 0]]
    want = np.array([[7 + sum(walk(tree, row) for tree in some)] for row in coded])
    ensemble = Ensemble(some, np.array([7.0]), {0: pieces})
    assert np.array_equal(run(lambda g: add_ensemble(g, ensemble, width=WIDTH), targets=1, rows=rows), want)


@given(KEYS, st.floats(-9, 9), st.floats(-9, 9), st.lists(NUMBERS, min_size=1, max_size=20))
@settings(deadline=None, max_examples=150)
def test_pieces_are_exact(keys, other, missing, numbers):
    """A piecewise function says its value at each key, another a hair beside it, and a third where a value is missing."""
    numbers = [*numbers, *keys, *(math.nextafter(key, math.inf) for key in keys), math.nan]
    values = dict(zip(keys, range(len(keys)), strict=True))
    want = [missing if math.isnan(number) else values.get(number, other) for number in numbers]
    tree = piece_tree(at_keys(keys, list(values.values()), other=other, missing=missing), column=1, target=0)
    rows = np.column_stack([np.zeros(len(numbers)), numbers, np.zeros(len(numbers))])
    assert run(lambda g: add_trees(g, [tree], source="X", targets=1), targets=1, rows=rows)[:, 0].tolist() == want
    assert [walk(tree, row) for row in rows] == want


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 3)), min_size=1, max_size=9), st.floats(-60, 60))
def test_spans_hold_their_ends(steps, number):
    """A span holds both of its ends and nothing beyond."""
    spans, at = [], -50.0
    for place, (_, length) in enumerate(steps):
        spans.append((at, at + length, float(place)))
        at += length + 0.5
    tree = piece_tree(over_spans(spans, other=-1.0, missing=-2.0), column=0, target=0)
    inside = [value for low, high, value in spans if low <= number <= high]
    assert walk(tree, [number]) == (inside[0] if inside else -1.0)
    assert [walk(tree, [low]) for low, _, _ in spans] == [value for _, _, value in spans]


@given(st.floats(width=64, allow_nan=False), st.floats(width=64, allow_nan=False))
@settings(max_examples=400)
def test_a_moved_threshold_decides_as_rounding_would(threshold, number):
    """A number is within it where its single one was within the old: on numbers anywhere and right beside the border."""
    with np.errstate(over="ignore"):
        (moved,) = at_single_precision(np.array([threshold]))
        for each in (number, threshold, moved, np.nextafter(moved, -np.inf), np.nextafter(moved, np.inf)):
            if np.isfinite(np.float32(each)):
                assert (each <= moved) == (float(np.float32(each)) <= threshold)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([1.0, 1e6, 1e-6, 1e12]))
@settings(deadline=None, max_examples=12)
def test_real_models_on_random_data(seed, width, scale):
    """Fitted to noise of any scale, with holes and few or many values, each kind says the same compiled."""
    draw = np.random.default_rng(seed)
    rows = np.round(draw.normal(size=(80, width)), int(draw.integers(0, 6))) * scale
    label = draw.integers(0, 3, 80)
    holed = np.where(draw.random(rows.shape) < draw.choice([0, 0.3]), np.nan, rows)
    coded = np.abs(np.round(holed / scale * 20))
    for model, data in (
        (HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=3), holed),
        (HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=3, categorical_features=[0]), coded),
        (RandomForestClassifier(3, random_state=seed), holed),
        (ExtraTreesRegressor(3, random_state=seed), rows),
    ):
        found = held(model.fit(data, label), data)
        assert found.is_held and found.largest < 1e-13, (model, found)


def test_a_constant_is_a_tree():
    """It needs no column to say it."""
    rows = np.array([[math.nan] * WIDTH, [1.0] * WIDTH])
    made = run(lambda g: add_trees(g, [constant_tree(2.5)], source="X", targets=1), targets=1, rows=rows)
    assert made[:, 0].tolist() == [2.5, 2.5]
    model = RandomForestClassifier(2).fit(np.zeros((9, WIDTH)), [0, 1, 0] * 3)
    assert np.array_equal(session_of(compiled(model, WIDTH)).predict(rows[1:]), asked(model)(rows[1:]))
