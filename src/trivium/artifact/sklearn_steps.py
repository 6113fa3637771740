"""Reads fitted scikit-learn steps that prepare columns: imputers, scalers, encoders, and what puts them together.

Encoders are not read but asked: what they make of each category that they know, of one that they don't, of a missing
value. So their rules (infrequent categories, dropped ones, unknown ones) are theirs, whatever the release.
"""

import warnings
from collections.abc import Callable, Sequence
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from trivium.artifact.columns import Column, Refused, changed, chosen, is_missing
from trivium.artifact.pieces import at_keys
from trivium.artifact.refusals import NotCompilable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Step = Callable[[Any, list[Column], Refused], list[Column]]


def after(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    """Make the columns that a fitted step makes of `columns`, and note in `refused` what it refuses.

    Raises:
        NotCompilable: the step has no compiled form.
    """
    kind = type(step)
    if step is None or step == "passthrough":
        return columns
    if kind.__module__.partition(".")[0] != "sklearn" or kind.__name__ not in STEPS:
        raise NotCompilable(f"no compiled form is known for the step {kind.__module__}.{kind.__qualname__}")
    return STEPS[kind.__name__](step, columns, refused)


def _each(columns: Sequence[Column], kind: str, by: Any) -> list[Column]:
    """Do the same kind of thing to every column, by a number of its own; nothing where there are no numbers."""
    if by is None:
        return list(columns)
    return [changed(column, kind, number) for column, number in zip(columns, by, strict=True)]


def _standard(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    columns = refused.hold(columns, takes_missing=True)
    columns = _each(columns, "subtract", step.mean_ if step.with_mean else None)
    return _each(columns, "divide", step.scale_ if step.with_std else None)


def _robust(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    columns = refused.hold(columns, takes_missing=True)
    columns = _each(columns, "subtract", step.center_ if step.with_centering else None)
    return _each(columns, "divide", step.scale_ if step.with_scaling else None)


def _largest(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    return _each(refused.hold(columns, takes_missing=True), "divide", step.scale_)


def _range(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    columns = _each(refused.hold(columns, takes_missing=True), "multiply", step.scale_)
    columns = _each(columns, "add", step.min_)
    if not step.clip:
        return columns
    low, high = step.feature_range
    return [changed(changed(column, "at_least", low), "at_most", high) for column in columns]


def _imputed(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    """Fill what is missing; a column that was never there is dropped; then tell, where asked to, what was missing."""
    import numpy as np

    marker = step.missing_values
    if not isinstance(marker, int | float):
        raise NotCompilable(f"its imputer takes {marker!r} for missing")
    is_nan = isnan(marker)
    columns = refused.hold(columns, takes_missing=is_nan)
    marked = columns if is_nan else [changed(column, "mark", marker) for column in columns]
    kept = [place for place, number in enumerate(step.statistics_) if step.keep_empty_features or not np.isnan(number)]
    filled = [changed(marked[place], "fill", step.statistics_[place]) for place in kept]
    places = [] if step.indicator_ is None else step.indicator_.features_
    if is_nan:
        return [*filled, *(is_missing(columns[place]) for place in places)]
    told = at_keys([float(marker)], [1.0], other=0.0, missing=inf)
    return [*filled, *(chosen(columns[place], told) for place in places)]


def _one_hot(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    return _encoded(step, columns, refused, counts=[int(count) for count in step._n_features_outs])


def _ordinal(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    return _encoded(step, columns, refused, counts=[1] * len(columns))


def _encoded(step: Any, columns: list[Column], refused: Refused, *, counts: Sequence[int]) -> list[Column]:
    """Ask an encoder what it makes of each of its categories; `counts` says how many columns it makes of each."""
    import numpy as np

    columns = refused.hold(columns, takes_missing=True)
    if any(np.asarray(known).dtype.kind not in "biuf" for known in step.categories_):
        raise NotCompilable("its categories are no numbers")
    known = [np.asarray(each, dtype=np.float64) for each in step.categories_]
    usual = np.array([each[0] for each in known])
    made: list[Column] = []
    for place, column in enumerate(columns):
        keys = known[place][~np.isnan(known[place])]
        rows = np.tile(usual, (len(keys) + 2, 1))
        rows[:, place] = [*keys, np.max(keys, initial=0.0) + 1.0, nan]
        first = sum(counts[:place])
        said = [_asked(step, part, counts) for part in (rows[:-2], rows[-2:-1], rows[-1:])]
        for at in range(counts[place]):
            values, (other,), (missing,) = (part[:, first + at] for part in said)
            if at:
                # One column that refuses a row is enough.
                other, missing = (0.0 if value == inf else value for value in (other, missing))
            pieces = at_keys(keys.tolist(), values.tolist(), other=float(other), missing=float(missing))
            made.append(chosen(column, pieces))
    return made


def _asked(step: Any, rows: "Array", counts: Sequence[int]) -> "Array":
    """Encode rows; infinite where they are refused."""
    import numpy as np

    if not len(rows):
        return np.zeros((0, sum(counts)))
    try:
        with warnings.catch_warnings():
            # It was fitted on names perhaps, and tells of what it does not know.
            warnings.simplefilter("ignore")
            said = step.transform(rows)
    except ValueError:
        return np.full((len(rows), sum(counts)), inf)
    return np.asarray(said.toarray() if hasattr(said, "toarray") else said, dtype=np.float64)


def _by_column(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    """Read a ColumnTransformer: each part makes its columns of those it was given, in the parts' order."""
    made: list[Column] = []
    weights = step.transformer_weights or {}
    for name, part, _ in step.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        mine = [columns[place] for place in step._transformer_to_input_indices[name]]
        done = after(part, mine, refused) if mine else []
        made += [changed(column, "multiply", weights[name]) for column in done] if name in weights else done
    return made


def _in_order(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    for _, part in step.steps:
        columns = after(part, columns, refused)
    return columns


def _side_by_side(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    weights = step.transformer_weights or {}
    made: list[Column] = []
    for name, part in step.transformer_list:
        if isinstance(part, str) and part == "drop":
            continue
        done = after(part, columns, refused)
        made += [changed(column, "multiply", weights[name]) for column in done] if name in weights else done
    return made


def _as_they_are(step: Any, columns: list[Column], refused: Refused) -> list[Column]:
    """Read a FunctionTransformer without a function: so scikit-learn writes what passes through."""
    if step.func is not None:
        raise NotCompilable("a FunctionTransformer runs code of the project's")
    return refused.hold(columns, takes_missing=False) if step.validate else columns


STEPS: dict[str, Step] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _range,
    "MaxAbsScaler": _largest,
    "RobustScaler": _robust,
    "SimpleImputer": _imputed,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "ColumnTransformer": _by_column,
    "FeatureUnion": _side_by_side,
    "FunctionTransformer": _as_they_are,
    "Pipeline": _in_order,
}
