"""The line of those who answer a row: a canary, the live version, those before it, the heuristic, the default."""

CANARY, LIVE, EARLIER, RULE, DEFAULT = 0, 1, 2, 1000, 1001


def last_of(is_over_rows: bool) -> int:
    """Tell from which place on an answer stands, whatever check it broke.

    The default is the last word. A check that is over rows alone, whatever is answered, trusts no version with them:
    then the heuristic's answer stands, since none could keep it.
    """
    return RULE if is_over_rows else DEFAULT


def before_next(is_over_rows: bool) -> int:
    """Tell which places need not be asked any more: of versions none, where a check over rows trusts none."""
    return RULE - 1 if is_over_rows else CANARY
