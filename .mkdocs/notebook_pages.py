"""Makes a page of every notebook, for the site: its text as it stands, its code as code blocks.

Notebooks are kept without outputs, so there is nothing else in them. The page offers the notebook itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it knows what there is."""
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        cells = json.loads(Path(notebook.abs_src_path).read_text(encoding="utf-8"))["cells"]
        title, *rest = map(_markdown, cells)
        download = f"[Download the notebook]({Path(notebook.src_uri).name}){{ .md-button download }}"
        page = File.generated(
            config, notebook.src_uri.removesuffix(".ipynb") + ".md", content="\n\n".join([title, download, *rest])
        )
        files.append(page)
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to a notebook lead to its page, but for the one that downloads it."""
    return re.sub(r"\.ipynb\)(?!\{)", ".md)", markdown)


def _markdown(cell: dict[str, Any]) -> str:
    text = "".join(cell["source"])
    return text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
