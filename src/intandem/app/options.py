"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import tyro

MarketName: TypeAlias = Annotated[
    str,
    tyro.conf.Positional,
    tyro.conf.arg(
        metavar="MARKET",
        help="A market file or folder, `family:NAME:PRODUCTSxCUSTOMERS:SEED`, or the name of an example market.",
    ),
]
JsonFlag: TypeAlias = Annotated[
    bool, tyro.conf.arg(name="json", help="Print one JSON object on stdout and everything else on stderr.")
]
Seed: TypeAlias = Annotated[int, tyro.conf.arg(help="The same seed gives the same figures.")]
Periods: TypeAlias = Annotated[int | None, tyro.conf.arg(help="Periods that count in every run, after the warm-up.")]
Runs: TypeAlias = Annotated[int | None, tyro.conf.arg(help="Independent runs.")]
Warmup: TypeAlias = Annotated[
    int | None,
    tyro.conf.arg(help="Periods left out of every figure; default: 10 x (longest lead time + 1), at least 50."),
]
Updates: TypeAlias = Annotated[int | None, tyro.conf.arg(help="Gradient updates of training.")]
Shops: TypeAlias = Annotated[
    int | None, tyro.conf.arg(help="Markets played in parallel, an even number; default: by their size.")
]
Window: TypeAlias = Annotated[
    int | None,
    tyro.conf.arg(help="Periods that count in an update; default: 96 or whole seasons (pathwise: by the lead time)."),
]
Width: TypeAlias = Annotated[int | None, tyro.conf.arg(help="Units of each network.")]
