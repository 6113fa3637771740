"""Laws of digests and memo keys."""

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.experiment.memo import code_digests, step_key

LAWS = settings(max_examples=60, deadline=None)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PARTS = {
    "a": "def a(x):\n    return b(x) + K",
    "b": "def b(x):\n    return x * 2",
    "c": "def c(x):\n    return x - 1",
    "K": "K = 3",
    "J": "J = 4",
}


@LAWS
@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_config_does_not_matter(params, random) -> None:
    """The same config written in another order has the same key."""
    items = list(params.items())
    random.shuffle(items)
    key = step_key("s", code="c", params=params, inputs=["i"])
    assert key == step_key("s", code="c", params=dict(items), inputs=["i"])


@LAWS
@given(PLAIN, PLAIN)
def test_different_values_have_different_keys(one, other) -> None:
    """Keys are equal exactly where the values' own texts are (so NaN is itself, and 1 is not 1.0)."""
    keys = [step_key("s", code="c", params={"p": value}, inputs=[]) for value in (one, other)]
    if keys[0] == keys[1]:
        assert one == other or repr(one) == repr(other)
    if repr(one) == repr(other):
        assert keys[0] == keys[1]


@LAWS
@given(st.permutations(sorted(PARTS)))
def test_the_order_of_definitions_does_not_matter(order) -> None:
    """Moving definitions about the module changes no digest."""
    sources = {"m": "\n".join(PARTS[name] for name in order)}
    names = [("m", "a"), ("m", "c")]
    assert code_digests(sources, names=names) == code_digests({"m": "\n".join(PARTS.values())}, names=names)


@LAWS
@given(st.sampled_from(["b", "c", "K", "J"]), st.integers(10, 99))
def test_a_change_strikes_those_who_reach_it(name, number) -> None:
    """Changing a definition changes the digests of those that reach it, and no others."""
    changed = {**PARTS, name: PARTS[name].translate({ord(digit): str(number) for digit in "1234"})}
    names = [("m", "a"), ("m", "c")]
    before = code_digests({"m": "\n".join(PARTS.values())}, names=names)
    after = code_digests({"m": "\n".join(changed.values())}, names=names)
    assert (before["a"] != after["a"]) == (name in ("b", "K"))
    assert (before["c"] != after["c"]) == (name == "c")


@LAWS
@given(st.sampled_from(sorted(PARTS)), st.text("abc #", max_size=10))
def test_comments_and_docstrings_change_nothing(name, words) -> None:
    """A comment on each line and a docstring in each function leave every digest as it is."""
    commented = "\n".join(f"{line}  # {words}" for line in "\n".join(PARTS.values()).splitlines())
    documented = commented.replace("):", f"):\n    {words!r}\n   ".rstrip(), 1).replace(f"{words!r}  #", f"{words!r} #")
    ast.parse(documented)
    names = [("m", "a"), ("m", "b"), ("m", "c")]
    assert code_digests({"m": documented}, names=names) == code_digests({"m": "\n".join(PARTS.values())}, names=names)
