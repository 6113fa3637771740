"""The features of a request: what depends on other tables alone is made once, and the rest without a frame."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import small_project
from terminal import say
from trivium.core.problems import StepError
from trivium.loop.bodies import Body
from trivium.loop.features import FeatureSteps, features_key, steps_beside
from trivium.loop.lookups import lookups_of
from trivium.loop.row_features import Made, Maker, Together
from trivium.loop.workspace import Workspace

DAYS = 3
APART = """
@tv.step
def days(weather: pl.DataFrame) -> pl.DataFrame:
    if weather.is_empty():
        return pl.DataFrame(schema={"day": pl.Date, "rain": pl.Float64})
    return weather.select(pl.col("day").dt.date(), "rain")


@tv.step
def features(visits: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    joined = visits.with_columns(day=pl.col("at").dt.date()).join(days, on="day", how="left", maintain_order="left")
    return joined.select("age", "distance", (pl.col("clinic") == "north").alias("north"), "rain")
"""


def opened(tmp_path, features: str = APART) -> Workspace:
    folder = small_project.make(tmp_path, days=DAYS)
    code = folder / "pipeline.py"
    text = code.read_text()
    code.write_text(
        text[: text.index("@tv.step")] + features.lstrip() + "\n\n" + text[text.index("@tv.step\ndef model") :]
    )
    assert say("collect", project=folder).code == 0
    ws = Workspace(folder)
    ws.refresh()
    return ws


def maker_of(ws: Workspace, *, lookups=None) -> Maker:
    lookups = lookups or lookups_of(ws, at=small_project.START + timedelta(days=DAYS))
    steps = FeatureSteps(ws.code, ws.code.params(), ws.project)
    body = Body("v1", lambda features: np.zeros(features.height), steps, features_key(ws.code, ws.code.params()))
    return Maker(body, lookups)


def outcome(maker: Maker):
    assert maker._compiling is not None
    assert maker._compiling.wait(60)
    return maker._compiling.outcome


def rows_of(ws: Workspace) -> list[dict]:
    return ws.frame(ws.state.snapshot.partitions("visits")[-1].blob).to_dicts()


def test_without_a_frame_as_with_one(tmp_path) -> None:
    """Compiled, a row's features are those that Polars gives; as a frame they have its columns and types."""
    ws = opened(tmp_path)
    maker = maker_of(ws)
    found = outcome(maker)
    assert found.reason == ""
    assert found.rows > small_project.ROWS_A_DAY
    rows = rows_of(ws)
    few = Together(rows[:7])
    made = maker.quick(few)
    assert made is not None
    assert maker.columns == ("age", "distance", "north", "rain")
    lookups = lookups_of(ws, at=small_project.START + timedelta(days=DAYS))
    frames = {**lookups.frames, "visits": pl.DataFrame(few, schema=dict(lookups.schema))}
    expected = FeatureSteps(ws.code, ws.code.params(), ws.project)(frames)
    assert made.frame.equals(expected, null_equal=True)
    assert made.frame.schema == expected.schema
    assert np.array_equal(made.array, expected.cast(pl.Float64).to_numpy(), equal_nan=True)


def test_what_was_made_of_rows_stays_with_them(tmp_path) -> None:
    """Whoever asks about others meanwhile, in a thread of shadows, takes nothing from them; bare rows keep nothing."""
    ws = opened(tmp_path)
    maker = maker_of(ws)
    outcome(maker)
    mine, others = Together(rows_of(ws)[:7]), Together(rows_of(ws)[:7])
    assert maker.known(mine) is None
    made = maker.made(mine)
    assert maker.made(others) is not made
    assert maker.known(mine) is maker.made(mine) is made
    bare = list(mine)
    maker.made(bare)
    assert maker.known(bare) is None


def test_rows_that_are_put_together_keep_what_was_made_of_all_of_them(tmp_path) -> None:
    """Of more rows than are compiled at once: nothing is made again, by rows or by frames; else nothing is known."""
    ws = opened(tmp_path)
    maker = maker_of(ws)
    outcome(maker)
    rows = rows_of(ws) * 2
    parts = [Together(rows[start : start + 20]) for start in range(0, 100, 20)]
    assert maker.known(Together.joined(parts)) is None
    made = [maker.made(part) for part in parts]
    whole = maker.known(Together.joined(parts))
    assert whole is not None
    expected = maker.framed(rows[:100])
    assert whole.frame.equals(expected, null_equal=True)
    assert whole.frame.schema == expected.schema
    assert np.array_equal(whole.array, np.concatenate([part.array for part in made]), equal_nan=True)
    parts[1].made = {key: Made(part.frame) for key, part in parts[1].made.items()}
    assert maker.made(Together.joined(parts)).frame.equals(expected, null_equal=True)
    assert Together.joined([]) == []


def test_many_rows_and_old_rows_are_left_to_polars(tmp_path) -> None:
    """A hundred rows cost Polars what one does, and rows of the past need tables that are not in memory."""
    ws = opened(tmp_path)
    maker = maker_of(ws)
    outcome(maker)
    rows = rows_of(ws)
    assert maker.quick((rows * 2)[:100]) is None
    assert maker.made((rows * 2)[:100]).frame.height == 100
    old = {**rows[0], "at": small_project.START - timedelta(days=30)}
    assert maker.quick([old]) is None
    assert maker.made([old]).frame["rain"].to_list() == [None]


def test_what_the_contract_of_features_forbids_is_still_told(tmp_path) -> None:
    """A feature that becomes infinite on one row is that row's trouble, compiled or not."""
    ws = opened(tmp_path, APART.replace('"distance",', '(pl.col("distance") * 1e300).alias("distance"),'))
    maker = maker_of(ws)
    assert outcome(maker).reason == ""
    with pytest.raises(StepError, match="TV-RUN-014"):
        maker.made([{**rows_of(ws)[0], "distance": 1e300}])


def test_steps_that_read_no_request_run_once(tmp_path) -> None:
    """They run when the tables are read, not with each request; the step that reads requests gets what they gave."""
    ws = opened(tmp_path)
    assert steps_beside(ws.code, "visits") == ["days"]
    lookups = lookups_of(ws, at=small_project.START + timedelta(days=DAYS))
    maker_of(ws, lookups=lookups)
    key = features_key(ws.code, ws.code.params())
    ready = lookups.beside.made(key, lambda frames: pytest.fail("made a second time"))
    assert list(ready) == ["days"]


def test_a_step_beside_that_raises_is_told_to_each_row(tmp_path) -> None:
    """A version is made ready all the same: whoever it falls back to answers."""
    ws = opened(tmp_path, APART.replace('.dt.date(), "rain")', '.dt.date(), "snow")'))
    maker = maker_of(ws)
    assert outcome(maker).steps is None
    assert "step 'days' raised" in outcome(maker).reason
    with pytest.raises(StepError, match="TV-RUN-010"):
        maker.made(rows_of(ws)[:1])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('visits.select(pl.col("age") - pl.col("age").mean())', "Agg in an expression"),
        ('visits.select(age=visits["age"])', "it takes a column or rows out of the requests"),
        ('visits.select(pl.when(pl.len() > 5).then(1).otherwise(0).alias("many"))', "Len in an expression"),
    ],
)
def test_why_polars_answers(tmp_path, step: str, said: str) -> None:
    """A step that depends on the other rows of its batch, or is not followed, stays with Polars and says why."""
    features = f"@tv.step\ndef features(visits: pl.DataFrame) -> pl.DataFrame:\n    return {step}\n"
    maker = maker_of(opened(tmp_path, features))
    assert said in outcome(maker).reason
    assert maker.columns is None


def test_a_step_that_reads_the_clock_stays_with_polars(tmp_path) -> None:
    """Compiled, it would say for ever what the time was when it was compiled."""
    since = "date.today().toordinal() - pl.col('age')"
    features = f"from datetime import date\n\n@tv.step\ndef features(visits: pl.DataFrame) -> pl.DataFrame:\n    return visits.select({since})\n"
    found = outcome(maker_of(opened(tmp_path, features)))
    assert "would be" in found.reason


def test_the_same_days_of_the_past_are_read_once(tmp_path, monkeypatch) -> None:
    """Rows of neighbouring times share the tables of then; only a few such sets are kept."""
    ws = opened(tmp_path)
    lookups = lookups_of(ws, at=small_project.START + timedelta(days=DAYS))
    old = [{"at": small_project.START - timedelta(hours=hours)} for hours in range(3)]
    first = lookups.beside_for(old[:1])
    assert first is not lookups.beside
    assert lookups.beside_for(old[:2]) is first
    assert lookups.beside_for([{"at": small_project.START + timedelta(days=DAYS)}]) is lookups.beside


def test_until_it_is_proven_polars_answers(tmp_path, monkeypatch) -> None:
    """Nothing waits for the proof."""
    from trivium.loop import row_steps

    with row_steps._one_at_a_time:
        ws = opened(tmp_path)
        maker = maker_of(ws)
        assert maker.columns is None
        assert maker.made(rows_of(ws)[:1]).frame.height == 1
    assert outcome(maker).reason == ""
    assert maker.columns is not None
