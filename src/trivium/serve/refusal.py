"""What a request is refused with: a problem, and the HTTP status that says whose fault it is."""

from collections.abc import Mapping

from trivium.core.problems import Problem, StoreError, TriviumError

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, CONFLICT = 400, 401, 403, 404, 405, 409
TOO_LARGE, UNKNOWN_MEDIA, UNREADABLE, TOO_MANY, FAULT, UNAVAILABLE = 413, 415, 422, 429, 500, 503
TITLES = {
    BAD_REQUEST: "Bad Request",
    UNAUTHORIZED: "Unauthorized",
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not Found",
    NOT_ALLOWED: "Method Not Allowed",
    CONFLICT: "Conflict",
    TOO_LARGE: "Content Too Large",
    UNKNOWN_MEDIA: "Unsupported Media Type",
    UNREADABLE: "Unprocessable Content",
    TOO_MANY: "Too Many Requests",
    FAULT: "Internal Server Error",
    UNAVAILABLE: "Service Unavailable",
}


class RefusedError(TriviumError):
    """A request that gets no answer: its status, its problem, and headers that tell the client what to do."""

    def __init__(self, status: int, *problems: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*problems)
        self.status = status
        self.headers = dict(headers or {})


def refusal_of(error: TriviumError) -> RefusedError:
    """Give a problem of the inside its status: 503 where the machinery failed, else 422."""
    if isinstance(error, RefusedError):
        return error
    status = UNAVAILABLE if isinstance(error, StoreError) else UNREADABLE
    headers = {"retry-after": "1"} if status == UNAVAILABLE else None
    return RefusedError(status, *error.problems, headers=headers)
