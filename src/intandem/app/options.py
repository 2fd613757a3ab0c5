"""Options: how one is described, and those that several commands share.

One thing has one name in every command: `--out` is where the result goes, `--customers` how many customers are kept.
What `default` says in words is what happens where the default is computed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

import tyro


def option(help: str, *, metavar: str | None = None, default: str | None = None, name: str | None = None) -> Any:
    """How an option, or with `tyro.conf.Positional` an argument, is told in help.

    **Arguments:** `help`: a sentence. `metavar`: what stands for its value; the type's name if not given. `default`:
    in words; empty where there is nothing to say; the value itself if not given. `name`: without dashes, where it is
    not the parameter's.
    """
    hint = None if default is None else f"(default: {default})" if default else ""
    return tyro.conf.arg(name=name, metavar=metavar, help=help, help_behavior_hint=hint)


def one_of(choices: Any) -> str:
    """The names that a `Literal` allows, for people."""
    return f"{', '.join(get_args(choices))}."


MethodName: TypeAlias = Literal["mtma", "stma", "reversed", "mtsa", "stsa", "independent", "silo"]
EstimatorName: TypeAlias = Literal["perturbation", "score", "pathwise"]
RegimeName: TypeAlias = Literal["joint", "silo", "filtered-silo"]
ScaleName: TypeAlias = Literal["small", "full"]
DatasetName: TypeAlias = Literal["complete-journey", "ta-feng"]
KindName: TypeAlias = Literal["rules", "families", "methods", "bounds", "examples", "experiments", "datasets"]
ShellName: TypeAlias = Literal["bash", "zsh", "fish"]
ExperimentName: TypeAlias = Literal["coordination-map", "optimality"]

MarketName: TypeAlias = Annotated[
    str,
    tyro.conf.Positional,
    option(
        "A market file or folder, a generated market family:NAME:PRODUCTSxCUSTOMERS:SEED, or an example market "
        "(`intandem list families`, `intandem list examples`).",
        metavar="MARKET",
    ),
]
JsonFlag: TypeAlias = Annotated[
    bool, option("Print one JSON object on stdout, all else on stderr.", name="json", default="")
]
Seed: TypeAlias = Annotated[int, option("The same seed gives the same figures.")]
UnusedSeed: TypeAlias = Annotated[int, option("Taken for uniformity: nothing here is drawn.")]
Warmup: TypeAlias = Annotated[
    int | None,
    option(
        "Warm-up: periods before those that count, left out of every figure.",
        default="10 x (longest lead time + 1), at least 50",
    ),
]
Estimator: TypeAlias = Annotated[EstimatorName | None, option("How the gradient is found.", default="perturbation")]
DepartmentsName: TypeAlias = Literal["structured", "plain"]
PresetName: TypeAlias = Literal["paper"]
Departments: TypeAlias = Annotated[
    DepartmentsName | None,
    option(
        "Departments that correct rules, with networks shared by all products, or deep networks of the joint state.",
        default="structured",
    ),
]
Preset: TypeAlias = Annotated[
    PresetName | None,
    option(
        "Settings to begin with, which other options change; paper: the published method, estimator score and "
        "departments plain.",
        default="none",
    ),
]
Ratio: TypeAlias = Annotated[
    float | None,
    option(
        "How many times as fast as recommendation inventory learns; both then keep to their speeds.",
        default="2; pathwise: 4; score: departments set their own speeds",
    ),
]
Shops: TypeAlias = Annotated[
    int | None,
    option(
        "Copies of the market played in parallel, an even number.",
        default="8 to 64 by the market's size; pathwise: 4 to 32",
    ),
]
Window: TypeAlias = Annotated[
    int | None,
    option("Periods that count in an update.", default="96 or whole seasons; score: 32; pathwise: by the lead time"),
]
Width: TypeAlias = Annotated[int | None, option("Units of each hidden layer.", default="32")]
Updates: TypeAlias = Annotated[int | None, option("Gradient updates of training.", default="400")]
