"""The page: opens with the answer and what to do, needs no network, is small, and speaks the field's words."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import pytest

from intandem.errors import InputError
from intandem.evaluation.report import Scenario, report_of, words, write_report

FIT = {
    "calibration_curve": {
        "split": ["train", "test", "test"],
        "predicted": [0.001, 0.2, 0.3],
        "observed": [0.1, 0.0, 0.25],
        "opportunities": [50, 60, 60],
    },
    "period": {"split": ["train", "test"], "period": [0, 1], "predicted": [5.0, 6.0], "observed": [4.0, 7.0]},
}


@pytest.fixture(scope="module")
def report(invented):
    silo = [[30.0, 31.0], [29.0, 30.0]]
    found = invented({"silo": silo, "filtered-silo": silo, "mtma": [[40.0, 41.0], [39.0, 41.0]]})
    return report_of(
        found,
        names=["Tea <b>&", "Milk"],
        currency="$",
        fit=FIT,
        scenarios=[Scenario("As calibrated", found), Scenario("Again", found)],
        assumptions=["Supply is assumed."],
    )


@pytest.fixture(scope="module")
def text(report, tmp_path_factory) -> str:
    return write_report(report, tmp_path_factory.mktemp("page") / "page.html").read_text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.first = ""
        self.inside = ""

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.links += [value for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data):
        if self.inside == "h1" and not self.first:
            self.first = data


def figures_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', text)[1])


def words_of(text: str) -> str:
    """What people read: the page without its programs, and what its charts write."""
    figures = figures_of(text)
    return re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S) + json.dumps(figures, ensure_ascii=False)


def test_the_page_opens_with_the_answer_and_what_to_do_and_links_to_nothing(report, text):
    reader = _Reader()
    reader.feed(text)
    assert reader.first == words.answer(report)
    assert text.index("What to do") < text.index("Profit by method")
    assert reader.links == []
    own = words_of(text)
    assert "http" not in own
    assert "@import" not in text
    assert "url(" not in text
    assert "Tea <b>" not in own


def test_the_page_is_small_and_carries_the_program_that_draws_it(text):
    assert len(text.encode()) < 1_500_000
    packed = re.search(r'<script type="text/plain" id="plotly">(.*?)</script>', text)[1]
    assert gzip.decompress(base64.b64decode(packed)).startswith(b"/**\n* plotly.js (cartesian")


def test_every_chart_has_its_place_and_the_methods_keep_their_colour(text):
    figures = figures_of(text)
    assert set(figures) == {"profit", "learning", "lost", "exposure", "time", "sensitivity", "fit"}
    assert all(f'class="chart" id="{place}"' in text for place in figures)
    assert json.dumps(figures).count("#0b7a6f") > 5


def test_only_held_out_periods_are_on_the_calibration_curve(text):
    points = [trace for trace in figures_of(text)["fit"]["data"] if trace.get("xaxis", "x") == "x"]
    assert [trace["x"] for trace in points if trace["mode"] == "markers"] == [[30.0]]


def test_pages_speak_the_words_of_the_glossary(text):
    own = words_of(text).lower()
    for word in ("in tandem", "luck", "attention", "nudge", "filtered silo"):
        assert word not in own, word
    for word in ("coordinated", "uncoordinated", "in-stock filter", "common random numbers", "rule silo", "slots"):
        assert word in own, word


def test_trainings_are_named_as_a_limit(report, invented):
    assert any("trained 2 times" in limit for limit in report.limits)
    once = report_of(invented({"silo": [[30.0, 31.0]], "mtma": [[40.0, 41.0]]}))
    assert any("trained once" in limit for limit in once.limits)


def test_a_folder_is_not_a_page(report, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        write_report(report, tmp_path)
