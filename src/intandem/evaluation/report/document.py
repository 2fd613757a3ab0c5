"""One HTML file with everything in it: style, Plotly and figures, so that it works from disk without a network."""

from __future__ import annotations

import html
import importlib.resources
import json
from collections.abc import Mapping, Sequence

from intandem.evaluation.report.drawing import Figure


def document(
    *,
    title: str,
    answer: str,
    lead: str,
    scale: str,
    sections: Sequence[str],
    figures: Mapping[str, Figure],
    footer: str,
) -> str:
    """The HTML of a page.

    **Arguments:**

    - `answer`: the sentence it opens with. `lead`: what stands beside it. `scale`: on what the figures rest.
    - `sections`: HTML. `figures`: drawn in the places of the sections that have their names.
    """
    from plotly.offline import get_plotlyjs

    drawn = json.dumps(figures, ensure_ascii=False, allow_nan=False).replace("</", "<\\/")
    style = (importlib.resources.files("intandem.evaluation.report") / "style.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}: in tandem</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class="of">{html.escape(title)}</p>
<h1>{html.escape(answer)}</h1>
<p class="lead">{html.escape(lead)}</p>
<p class="scale">{html.escape(scale)}</p>
</header>
{"".join(sections)}
<footer>Written by intandem {html.escape(_version())}. {html.escape(footer)}</footer>
</main>
<script>{get_plotlyjs()}</script>
<script>
const figures = {drawn};
for (const [place, figure] of Object.entries(figures)) {{
  Plotly.newPlot(place, figure.data, figure.layout, {{responsive: true, displayModeBar: false}});
}}
</script>
</body>
</html>
"""


def section(title: str, see: str, body: str) -> str:
    """A part of a page: a heading, what to see in it, and its HTML."""
    told = f'<p class="see">{html.escape(see)}</p>' if see else ""
    return f"<section><h2>{html.escape(title)}</h2>{told}{body}</section>\n"


def list_of(lines: Sequence[str]) -> str:
    """The lines as an HTML list; nothing if there are none."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _version() -> str:
    import intandem

    return intandem.__version__
