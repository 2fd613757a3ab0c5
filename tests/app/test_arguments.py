"""What is wrong with a command line is said in one line: the place, the problem, the cure."""

from __future__ import annotations

from typing import get_args

import pytest

from intandem.app import cli, options
from intandem.app.arguments import OLD_NAMES, checked, options_of
from intandem.app.directory import COMMANDS, function_of
from intandem.data.sources.fetch import DATASETS
from intandem.errors import InputError
from intandem.evaluation.catalogue import KINDS
from intandem.evaluation.experiments import EXPERIMENTS, SCALES
from intandem.evaluation.methods import METHOD_NAMES
from intandem.learning import METHODS
from intandem.learning.estimators import ESTIMATORS
from intandem.theory.intertemporal import REGIMES


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("simulate m --invetory silo", "--invetory: is not an option of simulate; did you mean --inventory?"),
        (
            "simulate m --invetory silo --perods 3",
            "--invetory, --perods: are not options of simulate; did you mean --inventory, --periods?",
        ),
        ("simulate m --zzz", "--zzz: is not an option of simulate; see `intandem simulate --help`"),
        ("simulate m -x", "-x: is not an option of simulate; see `intandem simulate --help`"),
        ("train m", "--out: is missing: the folder for the trained policy; give --out BUNDLE"),
        ("train m --out", "--out: has no value; give --out BUNDLE"),
        ("train m --out --json", "--out: has no value; give --out BUNDLE"),
        ("train m --out b --out=", "--out: is empty; give --out BUNDLE, or leave it out"),
        ("train m --out b --method mtm", "--method: 'mtm' is not known; did you mean 'mtma'?"),
        ("train m --out b --json=yes", "--json: takes no value; give --json alone, or leave it out"),
        ("train m --out b --updates ten", "--updates: 'ten' is not a whole number; give a whole number"),
        ("train m --out b --updates None", "--updates: 'None' is not a whole number; give a whole number"),
        ("solve m --tolerance small", "--tolerance: 'small' is not a number; give a number"),
        ("solve m --seed -3", "--seed: is -3; give 0 or more"),
        ("solve m --seed 99999999999", "--seed: is 99999999999, too large a number; give at most 2,147,483,647"),
        ("calibrate d --out m --supply-cap nan", "--supply-cap: is nan; give 0 or more"),
        ("solve m n", "n: is more than the command takes; write intandem solve MARKET and then options"),
        ("solve \udcff", "MARKET: '\\udcff' is not UTF-8"),
        ("solve m --policy-out \udcff.parquet", "--policy-out: '\\udcff.parquet' is not UTF-8; rename"),
        ("data fetch ta-fen", "NAME: 'ta-fen' is not known; did you mean 'ta-feng'?"),
        ("experiment coordination-mp", "NAME: 'coordination-mp' is not known; did you mean 'coordination-map'?"),
        ("list rule", "KIND: 'rule' is not known; did you mean 'rules'?"),
        ("train --out b", "MARKET: is missing: a market file or folder"),
        ("train", "write intandem train MARKET --out BUNDLE"),
        ("trian m", "trian: is not a command; did you mean 'train'?"),
        ("fetch ta-feng", "fetch: is not a command; did you mean 'data fetch'?"),
        ("data fetc", "data fetc: is not a command; did you mean 'data fetch'?"),
        ("nonsense", "nonsense: is not a command; choose one of demo, list"),
        ("--json solve m", "--json: stands before the command"),
        ("--print-completion", "--print-completion: takes one shell; write intandem --print-completion bash"),
        ("--print-completion bsh", "--print-completion: 'bsh' is not known; did you mean 'bash'?"),
    ],
)
def test_what_is_wrong_is_one_line_before_any_work(capsys: pytest.CaptureFixture[str], line: str, told: str) -> None:
    assert cli.run(line.split(" ")) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert told in printed.err


def test_what_is_right_passes_as_it_is() -> None:
    def check(line: str) -> list[str]:
        command, *given = line.split()
        return checked(command, function_of(command), given)

    for line in ("solve m --tolerance=1e-3 --seed 4", "insights m --json", "simulate -- -m", "bound m --he --help"):
        assert check(line) == line.split()[1:]
    with pytest.raises(InputError, match="--he"):
        check("bound m --he")


def test_spellings_of_before_go_on_working_and_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for command, old in OLD_NAMES.items():
        names = {one.name for one in options_of(function_of(command))}
        assert set(old.values()) <= names
        assert not set(old) & names
        assert cli.run([*command.split(), "--help"]) == 0
        assert not any(name in capsys.readouterr().out for name in old)
    given = checked("solve", function_of("solve"), ["m", "--firm=silo", "--policy_out", "p.parquet"])
    assert given == ["m", "--regime=silo", "--policy_out", "p.parquet"]


def test_choices_are_those_of_the_rooms_that_know_them() -> None:
    for choices, known in (
        (options.MethodName, METHODS),
        (options.EstimatorName, ESTIMATORS),
        (options.RegimeName, REGIMES),
        (options.ScaleName, SCALES),
        (options.DatasetName, DATASETS),
        (options.ExperimentName, EXPERIMENTS),
        (options.KindName, KINDS),
    ):
        assert get_args(choices) == tuple(known)
    methods = next(one for one in options_of(function_of("compare")) if one.name == "--methods")
    assert all(name in methods.help for name in METHOD_NAMES)


@pytest.mark.parametrize("command", COMMANDS)
def test_one_thing_has_one_name_and_every_option_says_what_it_does(command: str) -> None:
    taken = {one.name: one for one in options_of(function_of(command))}
    assert {"--seed", "--json"} <= taken.keys()
    assert not taken.keys() & {name for old in OLD_NAMES.values() for name in old}
    for one in taken.values():
        assert one.help.endswith("."), one.name
        assert "None" not in one.metavar + one.default, one.name
        assert one.required or one.default or one.name in ("--json", "--bundle", "--policy"), one.name
