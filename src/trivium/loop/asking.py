"""Ask one version about rows: within its deadline, by its breaker, so that one bad row costs no other its answer."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trivium.core.problems import StepError
from trivium.loop.health import Standing

Array = np.ndarray[Any, Any]
Row = Mapping[str, Any]
Rows = Sequence[Row]
Say = Callable[[Rows], Array]


@dataclass(frozen=True)
class Voice:
    """Who can be asked. `say` gives one number per row, shape (rows,), or raises StepError; NaN says nothing.

    A voice that `is_quick` runs compiled code alone, which cannot hang: it is asked where the caller stands.
    """

    ref: str
    say: Say
    is_quick: bool
    standing: Standing


@dataclass
class Said:
    """What a voice said: `values` of shape (rows,), NaN for nothing; and what befell it, by row or all the same.

    `good` is a row that it answered well, if any; `is_broken`, that it failed though no row is to blame.
    """

    values: Array
    troubles: dict[int, tuple[str, str]] = field(default_factory=dict)
    good: Row | None = None
    is_broken: bool = False


def ask(voice: Voice, rows: Rows, *, deadline_s: float, timer: Callable[[], float]) -> Said:
    """Ask about rows, at least one. Never raises for what a version does, and takes about the deadline at most."""
    standing = voice.standing
    if not standing.breaker.is_closed:
        _try_out(voice, rows, deadline_s=deadline_s)
        return _nothing(standing, rows, "open", "failed too often lately")
    started = timer()
    try:
        said = _said(voice, rows, deadline_s)
    except TimeoutError:
        standing.failed(hangs=True)
        return _nothing(standing, rows, "late", f"no answer within {deadline_s * 1000:.0f} ms")
    took_s = timer() - started
    if took_s > deadline_s:
        standing.failed()
        return _nothing(standing, rows, "late", f"{took_s * 1000:.0f} ms for {len(rows)} rows")
    if said.is_broken:
        standing.failed()
    elif said.good is not None:
        standing.did_well(said.good)
    if said.troubles:
        standing.troubles.update(kind for kind, _ in said.troubles.values())
    return said


def _nothing(standing: Standing, rows: Rows, kind: str, what: str) -> Said:
    standing.troubles[kind] += len(rows)
    return Said(np.full(len(rows), np.nan), dict.fromkeys(range(len(rows)), (kind, what)))


def _said(voice: Voice, rows: Rows, deadline_s: float) -> Said:
    if voice.is_quick:
        return _judged(voice, rows)
    return voice.standing.thread.call(lambda: _judged(voice, rows), timeout_s=deadline_s)


def _judged(voice: Voice, rows: Rows) -> Said:
    """Ask, and tell what is the rows' fault from what is the version's."""
    try:
        values = voice.say(rows)
    except StepError as error:
        return _raised(voice, rows, f"{error.problems[0].what}; {error.problems[0].seen}")
    if len(values) == 1 and math.isfinite(values[0]):  # the one row of most requests, without NumPy's overhead
        return Said(values, good=rows[0])
    finite = np.isfinite(values)
    troubles = dict.fromkeys(np.flatnonzero(~finite).tolist(), ("not_finite", "no finite number"))
    if finite.any():
        return Said(values, troubles, good=rows[int(finite.argmax())])
    return Said(values, troubles, is_broken=not _answers_control(voice))


def _raised(voice: Voice, rows: Rows, what: str) -> Said:
    """Tell a version that raises whatever it is asked from one that refuses some of these rows."""
    standing, everyone = voice.standing, range(len(rows))
    nothing = np.full(len(rows), np.nan)
    is_known = standing.control is not None
    if (is_known and not _answers_control(voice)) or (not is_known and len(rows) == 1):
        return Said(nothing, dict.fromkeys(everyone, ("raised", what)), is_broken=True)
    said = Said(nothing, dict.fromkeys(everyone, ("refused", what)))
    if len(rows) > 1:
        _apart(voice, rows, 0, said)
    if not is_known and len(said.troubles) == len(rows):
        return Said(nothing, dict.fromkeys(everyone, ("raised", what)), is_broken=True)
    return said


def _answers_control(voice: Voice) -> bool:
    control = voice.standing.control
    if control is None:
        return False
    try:
        return bool(np.isfinite(voice.say([control])).all())
    except StepError:
        return False


def _apart(voice: Voice, rows: Rows, start: int, said: Said) -> None:
    """Ask about each half alone, and its halves, until those that raise stand alone: few bad rows cost few calls."""
    middle = len(rows) // 2
    for offset, part in ((0, rows[:middle]), (middle, rows[middle:])):
        try:
            values = voice.say(part)
        except StepError as error:
            if len(part) > 1:
                _apart(voice, part, start + offset, said)
            else:
                what = f"{error.problems[0].what}; {error.problems[0].seen}"
                said.troubles[start + offset] = ("refused", what)
            continue
        said.values[start + offset : start + offset + len(part)] = values
        for place in range(len(part)):
            if np.isfinite(values[place]):
                said.troubles.pop(start + offset + place, None)
                said.good = part[place]
            else:
                said.troubles[start + offset + place] = ("not_finite", "no finite number")


def _try_out(voice: Voice, rows: Rows, *, deadline_s: float) -> None:
    """Start a trial beside the reply, where one is due: nobody waits for it."""
    if not voice.standing.begins_trial():
        return
    row = voice.standing.control or rows[0]

    def trial() -> None:
        try:
            values = voice.standing.thread.call(lambda: voice.say([row]), timeout_s=deadline_s)
        except (StepError, TimeoutError):
            voice.standing.failed()
        else:
            if np.isfinite(values).all():
                voice.standing.did_well(row)
            else:
                voice.standing.failed()
        finally:
            voice.standing.ends_trial()

    voice.standing.trials.start(trial)
