"""The command line: keys and exit codes of every command, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jax
import pytest

from intandem.app import cli, runtime

MARKET = "two-products-capped"
SMALL = ["--updates", "2", "--shops", "2", "--window", "4", "--width", "4", "--periods", "5", "--runs", "2"]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def answer(capsys, *arguments: str) -> dict:
    assert cli.run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    return json.loads(printed.out)


def complaint(capsys, *arguments: str, code: int = 2) -> str:
    assert cli.run(arguments) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    return printed.err


def test_simulate(capsys):
    found = answer(capsys, "simulate", MARKET, "--inventory", "silo", "--periods", "20", "--runs", "2", "--warmup", "3")
    wanted = {"profit_per_period", "fill_rate", "lost_share", "exposure_share", "orders_per_period", "warmup"}
    assert wanted <= found.keys()
    assert set(found["profit_per_period"]) == {"mean", "se"}
    assert found["warmup"] == 3


def test_the_same_seed_gives_the_same_answer_and_people_read_words(capsys):
    options = ["simulate", MARKET, "--inventory", "base-stock:level=9/7", "--recommendation", "uplift:filter=in-stock"]
    options += ["--periods", "20", "--runs", "2"]
    assert answer(capsys, *options) == answer(capsys, *options)
    assert cli.run(options) == 0
    assert "profit" in capsys.readouterr().out
    assert cli.run([*options[:4], *options[6:]]) == 0
    assert capsys.readouterr().out.endswith("nothing is recommended: no --recommendation is given\n")


def test_train_and_simulate_its_bundle(capsys, tmp_path):
    bundle = str(tmp_path / "policy")
    found = answer(capsys, "train", MARKET, "--out", bundle, *SMALL)
    assert {"profit_per_period", "seconds", "steps", "parameters"} <= found.keys()
    # Two updates, two shops, four periods after those that a shop takes to settle.
    assert found["steps"] == 2 * 2 * (8 + 4)
    assert found["seed"] == 0
    assert set(os.listdir(tmp_path)) == {"policy"}
    played = answer(capsys, "simulate", MARKET, "--bundle", bundle, "--periods", "5", "--runs", "2")
    assert played["profit_per_period"]["mean"] > 0
    assert "another market" in complaint(capsys, "simulate", "family:capped-supply:3x4:0", "--bundle", bundle)


def test_compare_writes_a_page(capsys, tmp_path):
    page = tmp_path / "page.html"
    found = answer(capsys, "compare", MARKET, "--methods", "silo,mtma", "--seeds", "2", *SMALL, "--out", str(page))
    assert set(found["methods"]) == {"silo", "mtma"}
    assert all(
        {"profit", "ci", "fill_rate", "lost_share", "seconds"} <= one.keys() for one in found["methods"].values()
    )
    assert set(found["paired"]) == {"mtma - silo"}
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["simulate", "no-such.toml", "--inventory", "silo"], ["no-such.toml"]),
        (["simulate", "nowhere", "--inventory", "silo"], ["nowhere", MARKET]),
        (["simulate", "family:no-such:3x3:0", "--inventory", "silo"], ["no-such", "capped-supply"]),
        (["simulate", "family:capped-supply", "--inventory", "silo"], ["family:capped-supply"]),
        (["simulate", MARKET], ["--inventory"]),
        (["simulate", MARKET, "--inventory", "base-stok"], ["base-stok", "base-stock"]),
        (["simulate", MARKET, "--inventory", "base-stock:levl=3"], ["levl=3", "did you mean 'level'?"]),
        (["simulate", MARKET, "--inventory", "base-stock:"], ["base-stock:", "leaves a setting empty"]),
        (["simulate", MARKET, "--inventory", "base-stock:level=3,"], ["leaves a setting empty"]),
        (["simulate", MARKET, "--recommendation", "uplift:filter="], ["leaves a setting empty"]),
        (["simulate", MARKET, "--inventory", "s-s:s=3"], ["did you mean 's-S'?"]),
        (["simulate", MARKET, "--inventory", "base-stock:level=1/2/3"], ["3 values for 2 products"]),
        (["simulate", MARKET, "--inventory", "silo", "--recommendation", "uplift"], ["silo alone"]),
        (["simulate", MARKET, "--inventory", "silo", "--bundle", "x"], ["--bundle"]),
        (["simulate", MARKET, "--policy", "y.parquet", "--bundle", "x"], ["--bundle", "beside another"]),
        (["simulate", MARKET, "--inventory", "filterd-silo"], ["did you mean 'filtered-silo'?"]),
        (["simulate", MARKET, "--inventory", "silo:level=3"], ["silo is a whole policy", "takes no settings"]),
        (["simulate", MARKET, "--inventory", "uplift"], ["--inventory", "a rule of recommendation", "base-stock"]),
        (["simulate", MARKET, "--recommendation", "s-S"], ["--recommendation", "a rule of inventory", "uplift"]),
        (["simulate", MARKET, "--bundle", "no-such-bundle"], ["no-such-bundle"]),
        (["simulate", MARKET, "--inventory", "silo", "--periods", "-4"], ["--periods", "-4"]),
        (["simulate", MARKET, "--inventory", "silo", "--periods", "many"], ["--periods", "many"]),
        (["simulate", MARKET, "--inventory", "silo", "--runs", "0"], ["--runs", "0"]),
        (["simulate", MARKET, "--inventory", "silo", "--warmup", "-1"], ["--warmup", "-1"]),
        (["simulate", MARKET, "--inventory", "silo", "--seed", "-1"], ["--seed", "-1"]),
        (["simulate", MARKET, "--inventory", "silo", "--periods", "0"], ["--periods", "1 or more"]),
        (["simulate", "two-product-capped", "--inventory", "silo"], [f"did you mean '{MARKET}'?"]),
        (["simulate", "family:capped-suply:3x3:0", "--inventory", "silo"], ["did you mean 'capped-supply'?"]),
        (["simulate", "family:habit:3x3x4:0", "--inventory", "silo"], ["family:habit:3x3x4:0", "candidates"]),
        (["insights", MARKET, "--runs", "4"], ["--runs", "--bundle"]),
        (["train", MARKET, "--out", "b", "--estimator", "guess"], ["--estimator", "guess"]),
        (["train", MARKET, "--out", "b", "--updates", "0"], ["--updates"]),
        (["train", MARKET, "--out", "b", "--seed", "-1"], ["--seed", "-1"]),
        (["train", MARKET, "--out", "b", "--shops", "3"], ["--shops", "even"]),
        (["demo", "--out", "d", "--updates", "0"], ["--updates"]),
        (["simulate", MARKET, "--inventory", "silo", "--periods", "1000000000000"], ["--periods", "too large"]),
        (["train", MARKET, "--out", "b", "--periods", "0"], ["--periods", "1 or more"]),
        (["train", MARKET, "--out", "b", "--window", "0"], ["--window", "1 or more"]),
        (["train", MARKET, "--out", "new/.."], ["new/..", "other things"]),
        (["compare", MARKET, "--methods", "silo", "--estimator", "guess"], ["--estimator", "guess"]),
        (["compare", MARKET, "--methods", "mtsx"], ["'mtsx' is not a method"]),
        (["compare", MARKET, "--methods", "silo,mtm"], ["mtm", "mtma"]),
        (["compare", MARKET, "--methods", "silo,silo"], ["twice"]),
        (["compare", MARKET, "--methods", "silo,"], ["--methods", "empty name"]),
        (["compare", MARKET, "--methods", "silo", "--out", "page.txt"], ["page.txt", "such as page.html"]),
        (["compare", MARKET, "--methods", "silo", "--seeds", "0"], ["--seeds"]),
        (["compare", MARKET, "--methods", "silo", "--updates", "5"], ["--updates: says how to train", "silo", "mtma"]),
        (["data", "fetch", "no-such"], ["no-such", "complete-journey"]),
        (["data", "validate", "no-such-folder"], ["no-such-folder"]),
        (["calibrate", "no-such-folder", "--out", "m"], ["no-such-folder"]),
        (["calibrate", ".", "--out", "m", "--slots", "0"], ["--slots"]),
        (["calibrate", ".", "--out", "m", "--size", "small"], ["--size", "ta-feng", "your own tables"]),
        (["calibrate", ".", "--out", "m", "--customers", "3"], ["--customers", "complete-journey"]),
        (["calibrate", ".", "--out", "m", "--source", "ta-feng", "--products", "3"], ["--products", "holds ta-feng"]),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(capsys, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").touch()
    line = complaint(capsys, *arguments)
    assert all(part in line for part in parts), line
    assert os.listdir(tmp_path) == ["mine"]


def test_results_never_replace_something_else(capsys, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "folder.html").mkdir()
    (folder / "mine").write_text("mine")
    assert "is a file" in complaint(capsys, "train", MARKET, "--out", str(file))
    assert "other things" in complaint(capsys, "train", MARKET, "--out", str(folder))
    assert "is a file" in complaint(capsys, "train", MARKET, "--out", str(file / "below"))
    assert "is a folder" in complaint(
        capsys, "compare", MARKET, "--methods", "silo", "--out", str(folder.with_name("folder.html"))
    )
    assert "is a file" in complaint(capsys, "demo", "--out", str(file))
    assert (file.read_text(), (folder / "mine").read_text()) == ("mine", "mine")


def test_a_place_that_cannot_be_written_is_exit_1(capsys, tmp_path):
    line = complaint(capsys, "train", MARKET, "--out", "/proc/no/such", code=1)
    assert "/proc/no/such: cannot be written" in line


def test_a_full_disk_at_the_end_is_exit_1_and_leaves_nothing(capsys, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("intandem.learning.bundle._write_department", full)
    line = complaint(capsys, "train", MARKET, "--out", str(tmp_path / "policy"), *SMALL, code=1)
    assert "No space left" in line
    assert [name for name in os.listdir(tmp_path) if not name.endswith(".checkpoint")] == []


def test_a_stopped_training_says_how_to_go_on(capsys, tmp_path, monkeypatch):
    import intandem.learning.mtma as mtma

    monkeypatch.setattr(mtma, "CHUNK", 1)
    original, calls = mtma._advance, []

    def stopped(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(mtma, "_advance", stopped)
    command = ["train", MARKET, "--out", str(tmp_path / "policy"), *SMALL]
    line = complaint(capsys, *command, code=1)
    assert "run the same command again" in line
    assert "policy.checkpoint" in line
    assert os.listdir(tmp_path) == ["policy.checkpoint"]
    monkeypatch.setattr(mtma, "_advance", original)
    resumed = answer(capsys, *command)
    monkeypatch.setattr(mtma, "CHUNK", 1)
    whole = answer(capsys, "train", MARKET, "--out", str(tmp_path / "other"), *SMALL)
    assert resumed["profit_per_period"] == whole["profit_per_period"]
    assert set(os.listdir(tmp_path)) == {"policy", "other"}


def test_what_is_not_foreseen_is_still_one_line(capsys, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("intandem.evaluation.simulation.simulate", broken)
    line = complaint(capsys, "simulate", MARKET, "--inventory", "silo", code=1)
    assert "ZeroDivisionError" in line
    assert "INTANDEM_TRACEBACK=1" in line
    monkeypatch.setenv("INTANDEM_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run(["simulate", MARKET, "--inventory", "silo"])


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating")])
def test_out_of_memory_is_exit_1(capsys, monkeypatch, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("intandem.evaluation.simulation.simulate", broken)
    assert "out of memory" in complaint(capsys, "simulate", MARKET, "--inventory", "silo", code=1)


def test_libraries_that_print_do_not_disturb_the_answer(capsys, monkeypatch):
    from intandem.evaluation import simulation

    original = simulation.simulate

    def talkative(*arguments, **settings):
        print("hello from a library")
        return original(*arguments, **settings)

    monkeypatch.setattr(simulation, "simulate", talkative)
    answer(capsys, "simulate", MARKET, "--inventory", "silo", "--periods", "20", "--runs", "2")


def test_a_cache_that_cannot_be_written_is_not_used(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("INTANDEM_CACHE", str(file))
    before = jax.config.jax_compilation_cache_dir
    runtime.prepare()
    assert file.read_text() == ""
    assert jax.config.jax_compilation_cache_dir == before


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("INTANDEM_CACHE", str(tmp_path))
    assert runtime.cache_folder() == tmp_path
    monkeypatch.delenv("INTANDEM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert runtime.cache_folder() == tmp_path / "x" / "intandem"


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"


def test_validate_and_calibrate_a_policies_own_tables(capsys, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    lines = ["customer_id,product_id,date,quantity,price"]
    for week in range(12):
        for customer in range(6):
            for product in range(3):
                if (week * 7 + customer * 3 + product * 5) % 4 < 2:
                    day = f"2024-{1 + week // 4:02d}-{1 + 7 * (week % 4) + customer % 3:02d}"
                    lines.append(f"c{customer},p{product},{day},1,{2 + product}")
    lines.append("c1,p1,2024-01-05,0,2")
    (folder / "transactions.csv").write_text("\n".join(lines) + "\n")
    (folder / "products.csv").write_text("product_id,price,unit_cost\np0,2,1.5\np1,3,2\np2,4,3\n")
    found = answer(capsys, "data", "validate", str(folder))
    assert found["quarantined"] == 1
    assert {"rows", "quarantined", "rules"} <= found.keys()
    market = tmp_path / "market"
    fitted = answer(capsys, "calibrate", str(folder), "--out", str(market))
    wanted = {"market", "exposure_effect", "holdout_log_likelihood", "baseline_log_likelihood"}
    assert wanted <= fitted.keys()
    assert {"mean", "se"} <= fitted["exposure_effect"].keys()
    played = answer(capsys, "simulate", str(market), "--inventory", "silo", "--periods", "5", "--runs", "2")
    assert played["periods"] == 5
    assert Path(fitted["market"]) == market
