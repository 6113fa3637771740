"""The figure of a rehearsal: what answered, what was decided, how well, what broke and what was noticed, over time.

Turns the rehearsal's document into lanes of marks from `charts`. The lane of scores is in `scoreline`; classes are
painted by the page's style sheet.
"""

from trivium.web.scoreline import readout

__all__ = ["draw", "readout"]

WIDTH = 1200.0
SHADES = 8  # steps of the version ramp in the style sheet, .v0 the first version to .v7 the last
FAULT_ROW, INCIDENT_ROW = 19.0, 10.0
GATE_SHAPES = {"pass": "M0-4V4", "fail": "M-3.5-3.5L3.5 3.5M-3.5 3.5L3.5-3.5"}
UNDECIDED = "M-3 0H3"
