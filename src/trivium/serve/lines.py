"""The server's own log: one JSON object a line on standard error, with the id of the request that it is about."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

LOG = logging.getLogger("trivium.serve")
_PLAIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class JsonLine(logging.Formatter):
    """A record as a line of JSON: when, how grave, what happened, and whatever `extra` names."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record on one line."""
        document = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **{name: value for name, value in record.__dict__.items() if name not in _PLAIN},
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(document, enc_hook=str).decode()


def set_up() -> None:
    """Send our lines and the HTTP library's to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    for name, level in (("trivium", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
