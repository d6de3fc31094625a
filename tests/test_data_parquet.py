"""Parquet files give the dataset of their DataFrame; without pyarrow a sentence says what to install."""

import importlib.util

import pandas as pd
import pytest

from lab.checks import DataError
from lab.cli.options import Options
from lab.data import from_frame, from_parquet
from tests.data_files import bytes_at, refused
from tests.test_data_frames import houses


def test_without_pyarrow_the_refusal_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else found(name))
    bytes_at("t.parquet", b"PAR1")
    refused(
        lambda: from_parquet("t.parquet", target="y"),
        DataError,
        "reading t.parquet takes pyarrow, which is not installed; install it with python -m pip install pyarrow, or "
        "save the table as CSV",
    )
    refused(lambda: from_parquet("no.parquet", target="y"), DataError, "no.parquet is not there; check the path")


def test_a_parquet_file_gives_the_dataset_of_its_frame(tmp_path):
    pytest.importorskip("pyarrow")
    frame = houses().astype({"kind": "category"}).assign(sold_on=pd.Timestamp("2026-01-01"))
    frame["sold_on"] += pd.to_timedelta(range(300), unit="D")
    frame.to_parquet(tmp_path / "houses.parquet")
    for named in ({"target": "sold", "leave_out": ["sold_on"]}, {"target": "sold", "time": "sold_on"}):
        made = from_parquet(tmp_path / "houses.parquet", **named)
        assert made.name == "houses"
        assert made.fingerprint == from_frame(frame, **named).fingerprint


@pytest.mark.parametrize(
    ("target", "bound"), [("price", {"labels": "numbers", "scale_target": True}), ("sold", {}), ("new", {})]
)
def test_a_parquet_file_is_data_on_the_command_line(tmp_path, target, bound):
    pytest.importorskip("pyarrow")
    houses().to_parquet(tmp_path / "houses.parquet")
    load, called = Options(data=str(tmp_path / "houses.parquet"), target=target).loader()
    assert (load.func, load.keywords, called) == (from_parquet, {"target": target} | bound, "houses")
    assert len(load().train) == 180


def test_a_torn_parquet_file_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    houses().to_parquet("t.parquet")
    with open("t.parquet", "rb") as file:
        whole = file.read()
    for torn in (whole[:200], b"", b"a,b\n1,2\n"):
        bytes_at("t.parquet", torn)
        with pytest.raises(DataError) as caught:
            from_parquet("t.parquet", target="sold")
        assert str(caught.value).startswith("t.parquet is torn or no Parquet file (")
        assert str(caught.value).endswith("); write it again")
