"""One HTML file with everything in it: style, charts and the program that draws them, so that it works from disk
without a network.

The program is the cartesian part of plotly.js (see `plotly/README.md`), compressed: half a megabyte in place of the
five of the whole. The reader's browser unpacks it (`DecompressionStream`, in all browsers since 2023); in others the
page says that its charts are missing, and keeps its words and tables.
"""

from __future__ import annotations

import base64
import html
import importlib.resources
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from intandem.pages.drawing import for_page

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SIGNED = ": intandem</title>"
"""How the title of every page ends, by which it is known as one of ours."""

WIDE = 4
"""Columns from which on a table does not fit on a telephone."""

PLOTLY = "plotly/plotly-cartesian.min.js.gz"


def document(
    *,
    title: str,
    answer: str,
    lead: str,
    scale: str,
    sections: Sequence[str],
    figures: Mapping[str, Figure],
    footer: str,
    to_do: Sequence[str] = (),
) -> str:
    """The HTML of a page.

    **Arguments:**

    - `answer`: the sentence it opens with. `to_do`: what follows from it. `lead`: what stands beside it. `scale`: on
      what the figures rest.
    - `sections`: HTML. `figures`: drawn in the places of the sections that have their names.
    """
    here = importlib.resources.files("intandem.pages")
    style = (here / "style.css").read_text(encoding="utf-8")
    script = (here / "draw.js").read_text(encoding="utf-8")
    plotly = base64.b64encode((here / PLOTLY).read_bytes()).decode("ascii")
    drawn = json.dumps(
        {place: for_page(figure) for place, figure in figures.items()},
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).replace("<", "\\u003c")
    advice = f'<div class="do"><h2>What to do</h2>{list_of(to_do)}</div>' if to_do else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}{SIGNED}
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class="of">{html.escape(title)}</p>
<h1>{html.escape(answer)}</h1>
{advice}
<p class="lead">{html.escape(lead)}</p>
<p class="scale">{html.escape(scale)}</p>
<noscript><p class="missing-charts">Charts need JavaScript; the words and tables do not.</p></noscript>
</header>
{"".join(sections)}
<footer>Written by intandem {html.escape(_version())}. {html.escape(footer)}</footer>
</main>
<script type="application/json" id="figures">{drawn}</script>
<script type="text/plain" id="plotly">{plotly}</script>
<script>
{script}</script>
</body>
</html>
"""


def section(title: str, see: str, body: str) -> str:
    """A part of a page: a heading, what to see in it, and its HTML."""
    told = f'<p class="see">{html.escape(see)}</p>' if see else ""
    return f"<section><h2>{html.escape(title)}</h2>{told}{body}</section>\n"


def place_of(name: str) -> str:
    """Where a figure is drawn."""
    return f'<div class="chart" id="{name}"></div>'


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "", marked: int | None = None) -> str:
    """A table that scrolls sideways where it is wider than the page; on a telephone a wide one is a card per row, each
    cell with its heading.

    **Arguments:** `head`, `rows`: HTML, cell by cell. `kind`: a class of the style sheet. `marked`: a row to stress.
    """
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = ""
    wide = len(head) >= WIDE
    labels = [f' data-of="{html.escape(_plain(cell))}"' if wide and at else "" for at, cell in enumerate(head)]
    for at, row in enumerate(rows):
        cells = "".join(f"<td{label}>{cell}</td>" for label, cell in zip(labels, row, strict=True))
        body += f'<tr class="subject">{cells}</tr>' if at == marked else f"<tr>{cells}</tr>"
    kinds = " ".join(filter(None, (kind, "wide" if wide else "")))
    named = f' class="{kinds}"' if kinds else ""
    return f'<div class="scroll"><table{named}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _plain(cell: str) -> str:
    """A heading without its tags."""
    return html.unescape(re.sub(r"<[^>]*>", " ", cell))


def list_of(lines: Sequence[str]) -> str:
    """The lines as an HTML list; nothing if there are none."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _version() -> str:
    import intandem

    return intandem.__version__
