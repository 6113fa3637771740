"""Another clock for a project's code: what it makes must not depend on when it is asked.

Stand-ins for the modules `datetime` and `time`, which tell a time far from the real one. Only the project's own modules
get them: what other packages ask the machine is not seen.
"""

import datetime as real_datetime
import time as real_time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

# Another year, month, day, weekday, hour, minute and second.
AWAY = real_datetime.timedelta(days=400, hours=7, minutes=13, seconds=11)


def another_clock(away: real_datetime.timedelta = AWAY) -> Mapping[str, ModuleType]:
    """Make the stand-ins, by the names of the modules that they stand in for."""
    return {"datetime": _datetime_module(away), "time": _time_module(away)}


def _datetime_module(away: real_datetime.timedelta) -> ModuleType:
    class Like(type):
        """A class whose instances are those of the class that it stands in for."""

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, cls.__mro__[1])

    class datetime(real_datetime.datetime, metaclass=Like):  # noqa: N801 - named as what it stands in for
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real_datetime.datetime.now(tz) + away

        @classmethod
        def utcnow(cls) -> Any:
            return real_datetime.datetime.now(real_datetime.UTC).replace(tzinfo=None) + away

        @classmethod
        def today(cls) -> Any:
            return real_datetime.datetime.now() + away

    class date(real_datetime.date, metaclass=Like):  # noqa: N801 - named as what it stands in for
        @classmethod
        def today(cls) -> Any:
            return (real_datetime.datetime.now() + away).date()

    return _like(real_datetime, datetime=datetime, date=date)


def _time_module(away: real_datetime.timedelta) -> ModuleType:
    seconds = away.total_seconds()

    def time() -> float:
        return real_time.time() + seconds

    def time_ns() -> int:
        return real_time.time_ns() + int(seconds) * 10**9

    def localtime(at: float | None = None) -> Any:
        return real_time.localtime(time() if at is None else at)

    def gmtime(at: float | None = None) -> Any:
        return real_time.gmtime(time() if at is None else at)

    def strftime(form: str, at: Any = None) -> str:
        return real_time.strftime(form, localtime() if at is None else at)

    return _like(real_time, time=time, time_ns=time_ns, localtime=localtime, gmtime=gmtime, strftime=strftime)


def _like(module: ModuleType, **instead: Any) -> ModuleType:
    made = ModuleType(module.__name__)
    made.__dict__.update({**vars(module), **instead})
    return made
