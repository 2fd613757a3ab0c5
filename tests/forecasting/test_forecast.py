"""From data to frames, files and a page; the back-test sees nothing of what comes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from forecasting.markets import demand, frame_of
from intandem.app import cli
from intandem.errors import InputError
from intandem.forecasting import CountModel, backtest_forecasts, forecast, series_of
from intandem.forecasting.accuracy import PROBABILITIES, Actual, Predicted, accuracy_of
from intandem.forecasting.writing import CONTENTS

QUICK = CountModel(sample=10, evaluations=10, rounds=1)


def sales(periods: int = 20, series: int = 5) -> pl.DataFrame:
    return frame_of(demand(1, periods, series))


def test_the_frame_is_named_as_in_statsforecast_and_never_negative() -> None:
    found = forecast(sales(), 3, levels=[95, 80], quantiles=[0.9], origins=2, settings=QUICK)
    names = ["", "-lo-95", "-lo-80", "-hi-80", "-hi-95", "-q-90"]
    columns = [f"{model}{name}" for model in ("CountModel", "Naive") for name in names]
    assert found.frame.columns == ["unique_id", "ds", *columns]
    assert found.frame.height == 15
    assert found.frame["ds"].to_list()[:4] == [20, 21, 22, 20]
    assert (found.frame.select(pl.exclude("unique_id", "ds")).min_horizontal() >= 0).all()
    np.testing.assert_array_equal(found.frame["Naive-q-90"], found.frame["Naive-hi-80"])
    assert set(found.accuracy) == {"CountModel", "Naive"}
    assert {"wape", "pinball", "coverage_80", "coverage_95"} <= set(found.accuracy["Naive"])


def test_pandas_in_pandas_out_and_a_plan_as_a_frame() -> None:
    counts = demand(1, 20, 2)
    frame = pd.DataFrame(frame_of(counts, offer=(counts > 12).astype(float)).to_dict(as_series=False))
    plan = pd.DataFrame({"unique_id": ["p0", "p1"], "ds": [20, 20], "offer": [1.0, 0.0]})
    found = forecast(frame, 1, origins=0, plan=plan, settings=QUICK)
    assert isinstance(found.frame, pd.DataFrame)
    with pytest.raises(InputError, match="not ahead"):
        forecast(frame, 1, origins=0, plan=plan.assign(ds=25), settings=QUICK)


def test_the_backtest_does_not_look_ahead() -> None:
    counts = demand(1, 20, 5)
    changed = counts.copy()
    changed[12:] = 500.0
    said = []
    for one in (counts, changed):
        series = series_of(frame_of(one))
        said.append(backtest_forecasts(series, 2, cutoffs=[12], settings=QUICK).accuracy["CountModel"])
    assert said[0]["pinball"] < 20 < 100 < said[1]["pinball"]
    # The middle of what was forecast is the same: errors differ by what came alone.
    assert said[1]["bias"] < -0.9


def test_measures_on_a_case_worked_by_hand() -> None:
    quantiles = np.full((len(PROBABILITIES), 1, 2), 4.0)
    quantiles[PROBABILITIES.index(0.9) :] = 6.0
    said = Predicted(np.array([[4.0, 5.0]]), quantiles, quantiles[:, 0])
    came = Actual(np.array([[5.0, 7.0]]), np.array([[True, True]]))
    found = accuracy_of([said], [came])
    assert found["wape"] == pytest.approx(4 / 12)
    assert found["bias"] == pytest.approx(9 / 12 - 1)
    assert (found["coverage_80"], found["total_coverage_95"]) == (0.5, 0.5)
    hidden = Actual(came.counts, np.array([[True, False]]))
    assert accuracy_of([said], [hidden])["coverage_80"] == 1.0


def test_wrong_arguments_are_said() -> None:
    for arguments, match in (
        ({"horizon": 0}, "horizon: is 0"),
        ({"levels": [100]}, "levels: has 100"),
        ({"quantiles": [95]}, "quantiles: has 95"),
        ({"models": ["AutoEST"]}, "did you mean 'AutoETS'"),
        ({"horizon": 16}, "have 20 periods"),
    ):
        with pytest.raises(InputError, match=match):
            forecast(sales(), **arguments)


def write_shop(folder: Path) -> Path:
    counts = demand(1, 16, 4)
    week, product = np.nonzero(counts)
    folder.mkdir()
    lines = {
        "customer_id": [f"c{number % 7}" for number in range(len(week))],
        "product_id": [f"p{one}" for one in product],
        "period": week,
        "quantity": counts[week, product],
        "price": np.full(len(week), 2.0),
    }
    pl.DataFrame(lines).write_csv(folder / "transactions.csv")
    pl.DataFrame({"product_id": [f"p{one}" for one in range(4)]}).write_csv(folder / "products.csv")
    return folder


def test_the_command_writes_frame_accuracy_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, out = write_shop(tmp_path / "shop"), tmp_path / "out"
    arguments = ["forecast", str(shop), "--out", str(out), "--horizon", "2", "--origins", "2", "--json", "--keep-paths"]
    assert cli.run(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"frame", "accuracy", "page"} <= set(told)
    assert {path.name for path in out.iterdir()} == set(CONTENTS)
    assert pl.read_csv(told["frame"]).height == 8
    totals = pl.read_csv(out / "totals.csv")
    assert totals.columns == ["unique_id", "periods", "mean", "q-2.5", "q-10", "q-90", "q-97.5"]
    assert "How right it was" in Path(told["page"]).read_text()
    (out / "mine.txt").touch()
    assert cli.run(arguments) == 2
    assert cli.run(["forecast", str(shop), "--levels", "many"]) == 2


@pytest.mark.parametrize("name", ["AutoETS", "CrostonSBA", "LightGBM"])
def test_other_libraries_give_the_same_columns(name: str) -> None:
    for library in ("statsforecast", "mlforecast", "lightgbm"):
        pytest.importorskip(library, reason="needs the extra forecast")
    found = forecast(sales(30), 2, models=["CountModel", name], origins=0, settings=QUICK)
    assert f"{name}-hi-95" in found.frame.columns


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "statsforecast", None)
    with pytest.raises(InputError, match=r"pip install 'intandem\[forecast\]'"):
        forecast(sales(), models=["AutoETS"], origins=0, settings=QUICK)
