"""Data to fit, and how a fitted model is asked in tests of its compiled form: a problem where it refuses."""

import warnings

import numpy as np

from trivium.artifact.compiled import Compiled, session_of
from trivium.artifact.compiling import compile_model
from trivium.artifact.parity import hold
from trivium.artifact.probes import probes
from trivium.core.problems import Problem, StepError

DRAW = np.random.default_rng(3)
COUNT = 600
# A number, few categories, more categories than a machine word has bits, an id, an epoch, an id beyond single precision.
WHOLE = np.column_stack(
    [
        DRAW.normal(size=COUNT),
        DRAW.integers(0, 5, COUNT),
        DRAW.integers(0, 150, COUNT),
        DRAW.integers(1, 10**9, COUNT),
        1.6e9 + DRAW.integers(0, 10**8, COUNT),
        DRAW.integers(10**14, 10**15, COUNT),
    ]
).astype(np.float64)
HOLED = np.where(DRAW.random(WHOLE.shape) < 0.1, np.nan, WHOLE)
AMOUNT = WHOLE[:, 0] + 3 * np.isin(WHOLE[:, 1], [1, 3]) + np.sin(WHOLE[:, 2]) + WHOLE[:, 3] / 1e9 + WHOLE[:, 5] / 1e15
IS_MUCH = np.median(AMOUNT) < AMOUNT
LEVEL = np.digitize(AMOUNT, np.quantile(AMOUNT, [0.3, 0.6]))


def asked(fitted):
    """Make the function that asks: shape (rows,), or (rows, classes) with more than two."""

    def ask(rows):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                said = _method(fitted)(rows)
        except ValueError as error:
            raise StepError(Problem(code="TV-RUN-017", what=str(error))) from None
        return said[:, 1] if said.ndim == 2 and said.shape[1] == 2 else np.asarray(said, dtype=np.float64)

    return ask


def _method(fitted):
    if type(fitted).__module__ == "xgboost.core":
        return fitted.inplace_predict
    return fitted.predict_proba if hasattr(fitted, "predict_proba") else fitted.predict


def compiled(fitted, width):
    """Compile a fitted model of so many columns; the test ends where that cannot be done."""
    made = compile_model(fitted, [f"c{place}" for place in range(width)])
    assert isinstance(made, Compiled), made
    return made


def held(fitted, rows):
    """Hold a model's compiled form against it, on rows and on probes made from them."""
    made, ask = compiled(fitted, rows.shape[1]), asked(fitted)
    return hold(session_of(made).predict, ask, rows=rows, said=ask(rows), probes=probes(rows), tolerance=made.tolerance)
