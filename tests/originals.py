"""How a fitted model is asked in tests of its compiled form: numbers in, numbers out, and a problem where it refuses."""

import warnings

import numpy as np

from trivium.artifact.compiled import Compiled, session_of
from trivium.artifact.compiling import compile_model
from trivium.artifact.parity import hold
from trivium.artifact.probes import probes
from trivium.core.problems import Problem, StepError


def asked(fitted):
    """Make the function that asks: shape (rows,), or (rows, classes) with more than two."""

    def ask(rows):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                said = fitted.predict_proba(rows) if hasattr(fitted, "predict_proba") else fitted.predict(rows)
        except ValueError as error:
            raise StepError(Problem(code="TV-RUN-017", what=str(error))) from None
        return said[:, 1] if said.ndim == 2 and said.shape[1] == 2 else np.asarray(said, dtype=np.float64)

    return ask


def compiled(fitted, width):
    """Compile a fitted model of so many columns; the test ends where that cannot be done."""
    made = compile_model(fitted, [f"c{place}" for place in range(width)])
    assert isinstance(made, Compiled), made
    return made


def held(fitted, rows):
    """Hold a model's compiled form against it, on rows and on probes made from them."""
    made, ask = compiled(fitted, rows.shape[1]), asked(fitted)
    return hold(session_of(made).predict, ask, rows=rows, said=ask(rows), probes=probes(rows), tolerance=made.tolerance)
