"""Rows of one turn share a call, those that come during a call share the next, and too many are refused."""

import asyncio
import threading

import pytest

from trivium.core.answers import Answered
from trivium.serve.refusal import RefusedError
from trivium.serve.turns import Call, Turns


def answered(name):
    return Answered(
        id=name, row_id=name, prediction=0.5, version=None, stage="live", source="model", checks=(), review=False
    )


class Model:
    """Notes the rows of each call, and holds the calls up until it is told to go on."""

    def __init__(self):
        self.calls, self.gate = [], threading.Event()
        self.gate.set()

    def __call__(self, rows):
        self.gate.wait(10)
        self.calls.append([row["n"] for row in rows])
        if any(row["n"] == "bad" for row in rows):
            raise ValueError("bad")
        return Call([answered(str(row["n"])) for row in rows], 7, 0.01)


def turns_of(model, **limits):
    return Turns(model, then=lambda call: None, **{"queue": 8, "most_rows": 6, **limits})


async def ask(turns, *names):
    call = await turns.ask([{"n": name} for name in names])
    return [one.id for one in call.answers]


def test_rows_of_one_turn_share_a_call():
    """Three requests at once are one call, and each gets its own answers."""

    async def run():
        model = Model()
        found = await asyncio.gather(
            *(ask(turns := turns_of(model), "a", "b") for _ in range(1)), return_exceptions=True
        )
        assert found == [["a", "b"]]
        turns.close()
        turns = turns_of(model)
        found = await asyncio.gather(ask(turns, "c"), ask(turns, "d", "e"), ask(turns, "f"))
        assert found == [["c"], ["d", "e"], ["f"]]
        assert model.calls == [["a", "b"], ["c", "d", "e", "f"]]
        turns.close()

    asyncio.run(run())


def test_a_quick_call_is_made_in_the_loop_and_shared_too():
    """No thread is asked: the call is made where the loop is, at the end of the turn, about all rows that came."""

    async def run():
        threads = []

        def model(rows):
            threads.append(threading.current_thread())
            return Call([answered(row["n"]) for row in rows], 7, 0.01)

        turns = turns_of(model, is_quick=lambda rows: rows < 3)
        assert await asyncio.gather(ask(turns, "a"), ask(turns, "b")) == [["a"], ["b"]]
        assert threads == [threading.current_thread()]
        assert await ask(turns, "c", "d", "e") == ["c", "d", "e"]
        assert threads[1] is not threading.current_thread()
        turns.close()

    asyncio.run(run())


def test_a_quick_call_that_raises_is_told_to_all():
    """What the call raises is each caller's own, as from the thread; the next is made."""

    async def run():
        turns = turns_of(Model(), is_quick=lambda rows: True)
        found = await asyncio.gather(ask(turns, "bad"), ask(turns, "x"), return_exceptions=True)
        assert [type(one) for one in found] == [ValueError, ValueError]
        assert await ask(turns, "y") == ["y"]
        turns.close()

    asyncio.run(run())


def test_what_comes_during_a_call_shares_the_next():
    """No timer: the second call begins when the first ends, with all that came meanwhile, up to its limit."""

    async def run():
        model = Model()
        model.gate.clear()
        turns = turns_of(model, most_rows=3)
        first = asyncio.create_task(ask(turns, 1))
        await asyncio.sleep(0.01)
        rest = [asyncio.create_task(ask(turns, n)) for n in (2, 3, 4, 5)]
        await asyncio.sleep(0.01)
        model.gate.set()
        assert [await task for task in (first, *rest)] == [["1"], ["2"], ["3"], ["4"], ["5"]]
        assert model.calls == [[1], [2, 3, 4], [5]]
        turns.close()

    asyncio.run(run())


def test_beyond_the_bound_it_is_429_at_once():
    """A row that would have to wait too long is refused, with the time after which to come again."""

    async def run():
        model = Model()
        model.gate.clear()
        turns = turns_of(model, queue=3)
        waiting = [asyncio.create_task(ask(turns, n)) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await ask(turns, 4)
        assert (caught.value.status, int(caught.value.headers["retry-after"]) >= 1) == (429, True)
        model.gate.set()
        await asyncio.gather(*waiting)
        assert await ask(turns, 5) == ["5"]
        turns.close()

    asyncio.run(run())


def test_a_call_that_raises_tells_all_who_wait_and_the_next_goes_on():
    """An error is each caller's own; the thread lives on."""

    async def run():
        model = Model()
        turns = turns_of(model)
        found = await asyncio.gather(ask(turns, "bad"), ask(turns, "x"), return_exceptions=True)
        assert [type(one) for one in found] == [ValueError, ValueError]
        assert await ask(turns, "y") == ["y"]
        turns.close()

    asyncio.run(run())


def test_who_has_gone_is_not_asked_for():
    """A client that hung up before its call costs no model time."""

    async def run():
        model = Model()
        model.gate.clear()
        turns = turns_of(model)
        first = asyncio.create_task(ask(turns, 1))
        await asyncio.sleep(0.01)
        gone, stays = asyncio.create_task(ask(turns, 2)), asyncio.create_task(ask(turns, 3))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(first, stays)
        assert model.calls == [[1], [3]]
        turns.close()

    asyncio.run(run())
