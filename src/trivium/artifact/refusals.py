"""Why a model cannot be compiled."""


class NotCompilable(Exception):  # noqa: N818  a state, as the house names exceptions
    """A part of the model has no compiled form; the message completes "it was not compiled: …"."""
