"""What a metric is expected to be on rows without labels."""

import numpy as np
import polars as pl
import pytest

from trivium.evaluate.metrics import BUILTIN, custom_metric
from trivium.loop.estimate import _expected
from trivium.monitor.reliability import Reliability, measure

DRAW = np.random.default_rng(11)
SAID = DRAW.uniform(0.05, 0.95, 20_000)
LABEL = (DRAW.random(20_000) < SAID).astype(float)
TABLE = measure(LABEL, SAID, is_probability=True)
CUSTOM = custom_metric(
    lambda label, prediction, rows: float((label * rows["cost"]).mean()),  # type: ignore[arg-type]  # a mean is a float
    better="lower",
    unit="USD",
    name="cost",
)


def rows(prediction: np.ndarray) -> pl.DataFrame:
    """Make rows to be scored."""
    return pl.DataFrame({"prediction": prediction, "cost": np.full(len(prediction), 10.0)})


@pytest.mark.parametrize("name", ["log_loss", "brier", "accuracy", "roc_auc", "average_precision", "calibration_error"])
def test_each_metric_of_a_calibrated_model_is_foretold(name: str) -> None:
    """On 5,000 rows drawn as the 20,000 were, the estimate is within 0.03 of what their labels then say."""
    draw = np.random.default_rng(12)
    said = draw.uniform(0.05, 0.95, 5000)
    label = (draw.random(5000) < said).astype(float)
    found = _expected(BUILTIN[name], rows(said), TABLE)
    assert found == pytest.approx(BUILTIN[name].score(label, said, rows(said)), abs=0.03)


def test_a_metric_of_the_projects_own_is_foretold() -> None:
    """A cost of 10 for each label of 1, at chances of a quarter: 2.5."""
    found = _expected(CUSTOM, rows(np.full(400, 0.25)), TABLE)
    assert found == pytest.approx(2.5, abs=0.15)


def test_a_model_that_is_too_sure_is_calibrated_first() -> None:
    """Where 0.9 has come true in 0.6 of the rows, the log loss is that of 0.6 at 0.9, and not that of 0.9."""
    table = measure((np.arange(1000) % 10 < 6).astype(float), np.full(1000, 0.9), is_probability=True)
    found = _expected(BUILTIN["log_loss"], rows(np.full(50, 0.9)), table)
    assert found == pytest.approx(-0.6 * np.log(0.9) - 0.4 * np.log(0.1), abs=0.01)


def test_numbers_have_the_errors_of_their_like() -> None:
    """Errors of +2 and -1 in turn at about 100: a bias of 0.5, a mean size of 1.5, a root mean square of 1.58."""
    said = np.linspace(95, 105, 200)
    table = measure(said - np.where(np.arange(200) % 2 == 0, 2.0, -1.0), said, is_probability=False)
    told = {name: _expected(BUILTIN[name], rows(np.array([99.0, 101.0])), table) for name in ("bias", "mae", "rmse")}
    assert told == pytest.approx({"bias": 0.5, "mae": 1.5, "rmse": np.sqrt(2.5)})
    assert _expected(CUSTOM, rows(np.array([99.0])), table) is None


def test_nothing_to_say_is_none() -> None:
    """No rows, or nothing learnt of numbers, is no estimate."""
    assert _expected(BUILTIN["log_loss"], rows(np.array([])), TABLE) is None
    assert _expected(BUILTIN["mae"], rows(np.array([1.0])), Reliability(is_probability=False, bins={})) is None
