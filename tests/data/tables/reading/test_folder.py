from __future__ import annotations

from pathlib import Path

import pytest

from intandem.data.tables.reading.folder import read_table
from intandem.data.tables.reading.mapping import Mapping, mapping_of, read_mapping
from intandem.data.tables.reading.raw import EXTRA, ROW, RawTable
from intandem.data.tables.schema import SCHEMA
from intandem.errors import InputError


def _read(folder: Path, text: str) -> RawTable:
    (folder / "stock.csv").write_text(text)
    raw = read_table(folder, SCHEMA["stock"], Mapping())
    assert raw is not None
    return raw


def test_blank_lines_are_skipped_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    raw = _read(tmp_path, "product_id,date,on_hand\ntea,2024-01-01,1\n\nmilk,2024-01-01,2\n,,\n\n")
    assert raw.frame[ROW].to_list() == [1, 3]
    assert raw.frame["product_id"].to_list() == ["tea", "milk"]


def test_rows_with_too_many_fields_do_not_move_the_others(tmp_path: Path) -> None:
    raw = _read(tmp_path, 'product_id,date,on_hand\ntea,2024-01-01,1\n\nmilk,2024-01-01,2,x,y\n"a ""b""",2024-01-01\n')
    assert raw.frame[ROW].to_list() == [1, 3, 4]
    assert raw.frame[EXTRA].to_list() == [None, "x,y", None]
    assert raw.frame["product_id"].to_list() == ["tea", "milk", 'a "b"']
    assert raw.frame["on_hand"].to_list() == ["1", "2", None]


def test_an_open_quotation_mark_is_named_by_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2: has a quotation mark without its pair"):
        _read(tmp_path, 'product_id,date,on_hand\ntea,2024-01-01,1\n"milk,2024-01-01,2\ngum,2024-01-01,2\n')


def test_spaces_around_column_names_do_not_matter(tmp_path: Path) -> None:
    raw = _read(tmp_path, "product_id , date, on_hand\ntea,2024-01-01,1\n")
    assert raw.unknown == ()


def test_a_mapped_column_takes_the_name_and_the_other_steps_aside(tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_text("product_id,ean,date,on_hand\n1,47,2024-01-01,1\n")
    raw = read_table(tmp_path, SCHEMA["stock"], mapping_of({"stock": {"product_id": "ean"}}))
    assert raw is not None
    assert raw.frame["product_id"].to_list() == ["47"]
    assert raw.unknown == ("product_id",)


def test_optional_tables_may_be_absent(tmp_path: Path) -> None:
    assert read_table(tmp_path, SCHEMA["stock"], Mapping()) is None
    assert read_mapping(tmp_path).period_name == "week"
