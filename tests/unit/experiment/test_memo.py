"""When a remembered result still stands: what changes a digest, and what does not."""

import math

import pytest

from trivium.experiment.memo import code_digests, step_key

MAIN = '''
"""The module."""
import numpy as np
import lib
import lib as other
from lib import shared
LIMIT = 3
UNUSED = 4
TABLE = {}
TABLE["a"] = 1

def helper(rows):
    """Help."""
    return rows + LIMIT

def features(flights, *, width=2):
    """Build."""
    return helper(flights) + lib.near(width)

def model(features, label):
    LIMIT = 5
    return np.mean(features) + LIMIT

def tabled(flights):
    return TABLE["a"]

def imported(flights):
    return shared(flights)

def whole(flights):
    return getattr(other, "near")(flights)
'''
LIB = """
CONST = 1
def near(x):
    return x + CONST
def shared(x):
    return x
def far(x):
    return x
"""
NAMES = [("main", name) for name in ("features", "model", "tabled", "imported", "whole")]


def changed(main: str = MAIN, lib: str = LIB) -> set[str]:
    """Name the functions whose digest is another than that of the first sources."""
    before = code_digests({"main": MAIN, "lib": LIB}, names=NAMES)
    after = code_digests({"lib": lib, "main": main}, names=NAMES)
    return {name for name in before if before[name] != after[name]}


def test_comments_docstrings_and_formatting_do_not_count() -> None:
    """Only what runs is digested."""
    main = MAIN.replace('"""Help."""', "# helps\n").replace('"""Build."""', '"""Other."""').replace(" + ", "  +  ")
    assert changed(main.replace('"""The module."""', "")) == set()


@pytest.mark.parametrize(
    ("old", "new", "who"),
    [
        ("LIMIT = 3", "LIMIT = 4", {"features"}),
        ("UNUSED = 4", "UNUSED = 5", set()),
        ("rows + LIMIT", "rows - LIMIT", {"features"}),
        ("width=2", "width=3", {"features"}),
        ("import numpy as np", "import cupy as np", {"model"}),
        ('TABLE["a"] = 1', 'TABLE["a"] = 2', {"tabled"}),
        ("LIMIT = 5", "LIMIT = 6", {"model"}),
    ],
)
def test_what_is_reached_counts(old: str, new: str, who: set[str]) -> None:
    """A change strikes those who reach it, through helpers too, and nobody else."""
    assert changed(main=MAIN.replace(old, new)) == who


@pytest.mark.parametrize(
    ("old", "new", "who"),
    [
        ("CONST = 1", "CONST = 2", {"features", "whole"}),
        ("def shared(x):\n    return x", "def shared(x):\n    return -x", {"imported", "whole"}),
        ("def far(x):\n    return x", "def far(x):\n    return -x", {"whole"}),
    ],
)
def test_sibling_modules_count_by_what_is_used(old: str, new: str, who: set[str]) -> None:
    """An attribute pulls in that name; a module handed around pulls in all of it."""
    assert changed(lib=LIB.replace(old, new)) == who


def test_effects_of_a_module_count_for_all_its_names() -> None:
    """A statement that binds nothing may touch everything in its module."""
    assert changed(main=MAIN + "\nnp.seterr(all='raise')\n") == {name for _, name in NAMES}


def test_a_script_part_never_runs_and_does_not_count() -> None:
    """What is under the main guard is left out."""
    assert changed(main=MAIN + "\nif __name__ == '__main__':\n    print(features(1))\n") == set()


@pytest.mark.parametrize(
    "text",
    [
        "from lib import *\ndef f(x):\n    return near(x)",
        "def f(x):\n    from lib import near\n    return near(x)",
        "def f(x):\n    import lib\n    return lib.near(x)",
        "try:\n    from lib import near\nexcept ImportError:\n    near = None\ndef f(x):\n    return near(x)",
        "from lib import near as n\ndef wrap(g):\n    return g\n@wrap\ndef f(x, *, y=n(1)):\n    return x",
        "import lib\nclass C:\n    def go(self):\n        return lib.near(1)\ndef f(x):\n    return C().go()",
        "import lib\nk = lib.near(1)\ndef f(x):\n    def inner():\n        return k\n    return inner()",
        "import lib\ndef f(x):\n    return [near for near in lib.near(x)]",
        "from mid import near\ndef f(x):\n    return near(x)",
        "from starry import near\ndef f(x):\n    return near(x)",
    ],
)
def test_every_way_to_a_sibling_is_followed(text: str) -> None:
    """However a module's code is reached, a change in it counts."""
    rest = {"mid": "from lib import near", "starry": "from lib import *"}

    def digest_of(lib: str) -> str:
        return code_digests({"main": text, "lib": lib, **rest}, names=[("main", "f")])["f"]

    assert digest_of(LIB) != digest_of(LIB.replace("x + CONST", "x - CONST"))


def test_functions_that_call_one_another_come_to_an_end() -> None:
    """A circle of calls is digested once."""
    text = "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)"
    assert len(code_digests({"m": text}, names=[("m", "f")])["f"]) == 64


def test_an_unknown_function_is_a_fault() -> None:
    """A name that the module does not bind is not digested as nothing."""
    with pytest.raises(KeyError):
        code_digests({"m": ""}, names=[("m", "f")])


def test_a_key_depends_on_all_of_its_parts() -> None:
    """Step, code, config and inputs each change the key; the order of the config does not."""
    params = {"a": 1, "b": 2.0}
    base = step_key("s", code="c", params=params, inputs=["x", "y"])
    assert base == step_key("s", code="c", params={"b": 2.0, "a": 1}, inputs=["x", "y"])
    others = [
        step_key("t", code="c", params=params, inputs=["x", "y"]),
        step_key("s", code="d", params=params, inputs=["x", "y"]),
        step_key("s", code="c", params={"a": 1, "b": 3.0}, inputs=["x", "y"]),
        step_key("s", code="c", params=params, inputs=["y", "x"]),
        *(step_key("s", code="c", params={"a": 1, "b": odd}, inputs=["x", "y"]) for odd in (math.inf, math.nan, None)),
    ]
    assert len({base, *others}) == 8
