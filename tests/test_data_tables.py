"""CSV tables that cannot be used: one case per line, each with the whole sentence that refuses it."""

# ruff: noqa: E501

import time

import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.data import from_csv
from tests.data_files import csv_of, fifo, folder, link, refused, sock, table

# fmt: off
TABLES = [
    (lambda: csv_of(""), DataError, "t.csv has no names of columns in its first row; write them there"),
    (lambda: csv_of("\n\n"), DataError, "t.csv has no names of columns in its first row; write them there"),
    (lambda: csv_of("\ufeff"), DataError, "t.csv has no names of columns in its first row; write them there"),
    (lambda: csv_of("a,kind"), DataError, "t.csv has names of columns and no rows; add examples"),
    (lambda: csv_of("a,kind\n\n\n"), DataError, "t.csv has names of columns and no rows; add examples"),
    (lambda: csv_of(",,\n1,2,x\n"), DataError, "t.csv has no names of columns in its first row; write them there"),
    (lambda: csv_of(",a,kind\n0,1,x\n"), DataError, "t.csv has no name for column 1; name it or leave it out (pandas writes its index so, and not with to_csv(path, index=False))"),
    (lambda: csv_of("a,,kind\n0,1,x\n"), DataError, "t.csv has no name for column 2; name it or leave it out (pandas writes its index so, and not with to_csv(path, index=False))"),
    (lambda: csv_of("a,a,kind\n0,1,x\n"), DataError, "t.csv has two columns of the name 'a'; rename one"),
    (lambda: csv_of("a, a ,kind\n0,1,x\n"), DataError, "t.csv has two columns of the name 'a'; rename one"),
    (lambda: csv_of("kind\nx\ny\n"), DataError, "t.csv has the column 'kind' only; learning takes at least one other column"),
    (lambda: csv_of("a;b;kind\n1;2;x\n"), DataError, "t.csv must be separated by ',' and seems to be separated by semicolons; save it with commas, or call lab.data.from_csv with separator=';', which is --separator ';' on the command line"),
    (lambda: csv_of("a;b;kind\n1,5;2,5;x\n"), DataError, "t.csv must be separated by ',' and seems to be separated by semicolons; save it with commas, or call lab.data.from_csv with separator=';', which is --separator ';' on the command line"),
    (lambda: csv_of("a\tb\tkind\n1\t2\tx\n"), DataError, "t.csv must be separated by ',' and seems to be separated by tabs; save it with commas, or call lab.data.from_csv with separator='\\t', which is --separator '\\t' on the command line"),
    (lambda: csv_of("a|b|kind\n1|2|x\n"), DataError, "t.csv must be separated by ',' and seems to be separated by bars; save it with commas, or call lab.data.from_csv with separator='|', which is --separator '|' on the command line"),
    (lambda: csv_of("a b kind\n1 2 x\n"), DataError, "t.csv must be separated by ',' and seems to be separated by blanks; save it with commas, or call lab.data.from_csv with separator=' ', which is --separator ' ' on the command line"),
    (lambda: csv_of("a,b,kind\n1,2,x\n", separator=";"), DataError, "t.csv must be separated by ';' and seems to be separated by commas; save it with commas, or call lab.data.from_csv with separator=',', which is --separator ',' on the command line"),
    (lambda: csv_of('a;kind\n"1,5";x\n2;y\n', separator=";"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1,5' in row 2); write decimal points instead of commas"),
    (lambda: csv_of('a,kind\n"1,5",x\n2,y\n'), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1,5' in row 2); write decimal points instead of commas"),
    (lambda: csv_of("a,b,kind\n1,2,x,y,z\n1,2,x\n"), DataError, "t.csv must have 3 cells in every row, one per column, and has 5 cells in row 2; it may be torn, or have ',' within cells that are not quoted"),
    (lambda: csv_of("a,b,kind\n1,2,x\n1,2\n1\n"), DataError, "t.csv must have 3 cells in every row, one per column, and has 2 cells in row 3 and in 1 other row another number; it may be torn, or have ',' within cells that are not quoted"),
    (lambda: csv_of("a,b,kind\n1,2,x\n   \n"), DataError, "t.csv must have 3 cells in every row, one per column, and has 1 cell in row 3; it may be torn, or have ',' within cells that are not quoted"),
    (lambda: csv_of('a,kind\n1,"x\n'), DataError, "t.csv is torn or no CSV table (unexpected end of data); save it again as CSV"),
    (lambda: csv_of('a,kind\n1,"x"y\n'), DataError, "t.csv is torn or no CSV table (',' expected after '\"'); save it again as CSV"),
    (lambda: csv_of("a,kind\n1,x\0\n"), DataError, "t.csv is no CSV table: it holds NUL bytes; save it again as CSV in UTF-8"),
    (lambda: csv_of(b"PK\3\4\0\0\0\0"), DataError, "t.csv is no CSV table: it holds NUL bytes; save it again as CSV in UTF-8"),
    (lambda: csv_of("a,kind\n1,é\n", encoding="latin-1"), DataError, "t.csv is not UTF-8 text (byte 9); save it as CSV in UTF-8"),
    (lambda: csv_of("a,kind\n1,x\n", encoding="utf-16"), DataError, "t.csv must be UTF-8 text and is UTF-16; save it as CSV in UTF-8"),
    (lambda: csv_of("a,kind\n1," + "x" * 140000 + "\n"), DataError, "t.csv is torn or no CSV table (field larger than field limit (131072)); save it again as CSV"),
    (lambda: csv_of("a,b,kind\n1,tall,x\n,2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'b' ('tall' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\ninf,x\n-inf,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 2 cells of 1 column: 'a' ('inf' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n1e400,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1e400' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n1_000,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1_000' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n\u0661\u0662,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('\u0661\u0662' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n0x10,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('0x10' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n1+2j,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1+2j' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n2020-01-01,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('2020-01-01' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\nTrue,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('True' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n1 000,x\n2,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1 000' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,b,c,d,e,f,g,kind\n" + "?,?,?,?,?,?,?,x\n" * 3), DataError, "t.csv must have a value in each column and has none in 'a', 'b', 'c', 'd', 'e'; leave these columns out"),
    (lambda: csv_of("a,b,c,d,e,f,g,kind\n" + "?,?,?,?,?,?,?,x\n" * 2 + "-,-,-,-,-,-,-,x\n0,0,0,0,0,0,0,x\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 7 cells of 7 columns: 'a' ('-' in row 4), 'b' ('-' in row 4), 'c' ('-' in row 4), 'd' ('-' in row 4), 'e' ('-' in row 4), ...; correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n12 %,x\n12 %,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 2 cells of 1 column: 'a' ('12 %' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n$1200,x\n$1200,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 2 cells of 1 column: 'a' ('$1200' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n1\u202f000,x\n1\u202f000,y\n"), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 2 cells of 1 column: 'a' ('1\\u202f000' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: csv_of("a,kind\n,x\n2020-01-01,y\n"), DataError, "t.csv must hold numbers or categories and has dates or times in 'a' ('2020-01-01' in row 3); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: csv_of("a,kind\n,x\n2020-01-01 12:30:00,y\n"), DataError, "t.csv must hold numbers or categories and has dates or times in 'a' ('2020-01-01 12:30:00' in row 3); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: csv_of("a,kind\n,x\n1.2.2020,y\n"), DataError, "t.csv must hold numbers or categories and has dates or times in 'a' ('1.2.2020' in row 3); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: csv_of("a,kind\n,x\n3/31/99,y\n"), DataError, "t.csv must hold numbers or categories and has dates or times in 'a' ('3/31/99' in row 3); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: csv_of("a,kind\n,x\n12:30,y\n"), DataError, "t.csv must hold numbers or categories and has dates or times in 'a' ('12:30' in row 3); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: csv_of("a,kind\n" + "".join(f"{i}x,{'xy'[i % 2]}\n" for i in range(30))), UserWarning, "the column 'a' of t.csv is left out: none of its 18 categories is in more than a few training examples"),
    (lambda: csv_of("a,kind\n,x\n,y\n", labels="numbers", target="a"), DataError, "the column 'a' of t.csv must hold numbers and has none in row 2; fill it or remove the row"),
    (lambda: csv_of("a,kind\n1,x\n2,y\n", labels="numbers"), DataError, "t.csv must hold finite float32 numbers in a column of numbers and has other content in 2 cells of 1 column: 'kind' ('x' in row 2); correct them, or leave out rows"),
    (lambda: csv_of("a,kind\n1,\n2,y\n"), DataError, "the column 'kind' of t.csv must hold labels and has an empty cell in row 2"),
    (lambda: csv_of("a,kind\n1, \n2,y\n"), DataError, "the column 'kind' of t.csv must hold labels and has an empty cell in row 2"),
    (lambda: csv_of("a,kind\n1,x\n2,x \n"), DataError, "the column 'kind' of t.csv must spell each label in one way, got 'x' and 'x ', which differ by blanks only; make them equal"),
    (lambda: csv_of("a,kind\n1,1\n2,1.5\n"), DataError, "the column 'kind' of t.csv must hold whole numbers or texts where labels is 'classes', got 1.5 in row 3; choose labels='numbers' to predict numbers"),
    (lambda: csv_of("a,kind\n1,1\n2,1.0\n3,2\n"), DataError, "the column 'kind' of t.csv must spell each label in one way, got '1' and '1.0', which are one number; make them equal"),
    (lambda: csv_of("a,kind\n1,1e3\n2,1000\n3,2\n"), DataError, "the column 'kind' of t.csv must spell each label in one way, got '1e3' and '1000', which are one number; make them equal"),
    (lambda: csv_of("a,kind\n1,1e300\n2,2e300\n"), DataError, "the column 'kind' of t.csv must hold labels that can be told apart, got 1e300, which float64 rounds; write all digits"),
    (lambda: csv_of("a,kind\n1,inf\n2,1\n"), DataError, "the column 'kind' of t.csv must hold whole numbers or texts where labels is 'classes', got inf in row 2; choose labels='numbers' to predict numbers"),
    (lambda: csv_of("a,kind\n1,nan\n2,nan\n"), DataError, "the column 'kind' of t.csv must hold whole numbers or texts where labels is 'classes', got nan in row 2; choose labels='numbers' to predict numbers"),
    (lambda: csv_of("a,kind\n1,9007199254740992.0\n2,9007199254740993.0\n"), DataError, "the column 'kind' of t.csv must hold labels that can be told apart, got 9007199254740992.0, which float64 rounds; write all digits"),
    (lambda: csv_of("a,kind\n" + "1,x\n" * 5), DataError, "t has one class only, 'x'; telling classes apart takes at least two"),
    (lambda: csv_of("a,kind\n" + "1,x\n" * 5 + "2,y\n"), DataError, "the class 'y' of t has 1 example and needs 3, one for each split that is cut; add examples or leave the class out"),
    (lambda: csv_of("a,kind\n1,x\n", target="knd"), UsageError, "target must be one of 'a', 'kind', got 'knd'; did you mean 'kind'?"),
    (lambda: csv_of("a,kind\n1,x\n", target=""), UsageError, "target must be one of 'a', 'kind', got ''"),
    (lambda: csv_of(",".join(f"g{i}" for i in range(100)) + "\n" + "1," * 99 + "1\n"), UsageError, "target must be one of 'g0', 'g1', 'g2', 'g3', 'g4', or another of the 100 columns, got 'kind'"),
    (lambda: csv_of("a,kind\n1e39,x\n" + "2,y\n3,x\n" * 5), DataError, "t.csv must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'a' ('1e39' in row 2); correct them, or name these columns in categories or in leave_out"),
    (lambda: from_csv("no.csv", target="kind"), DataError, "no.csv is not there; check the path"),
    (lambda: from_csv(folder(), target="kind"), DataError, "folder.csv must be a file and is a folder; name a file"),
    (lambda: from_csv(fifo(), target="kind"), DataError, "pipe must be a file and is a named pipe; name a file"),
    (lambda: from_csv(sock(), target="kind"), DataError, "socket must be a file and is a socket; name a file"),
    (lambda: from_csv(link(), target="kind"), DataError, "loop cannot be read (Too many levels of symbolic links); name a readable file"),
    (lambda: from_csv("/dev/zero", target="kind"), DataError, "/dev/zero must be a file and is a device; name a file"),
    (lambda: from_csv("x" * 300, target="kind"), DataError, "x" * 300 + " cannot be read (File name too long); name a readable file"),
    (lambda: from_csv(table("a,kind\n1,x\n") / "b.csv", target="kind"), DataError, "t.csv/b.csv cannot be read (Not a directory); name a readable file"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), TABLES)
def test_tables_that_cannot_be_used_are_refused(tmp_path, monkeypatch, call, error, sentence):
    monkeypatch.chdir(tmp_path)
    refused(call, error, sentence)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_every_kind_of_line_end_and_a_byte_order_mark_give_one_dataset(tmp_path, monkeypatch, encoding, end):
    monkeypatch.chdir(tmp_path)
    lines = ["a,kind", *(f"{i},{'xyz'[i % 3]}" for i in range(30))]
    plain = csv_of("\n".join(lines))
    assert csv_of(end.join(lines) + end, encoding=encoding).fingerprint == plain.fingerprint
    quoted = [line.replace(",", '","').join('""') for line in lines]
    assert csv_of(end.join(quoted), encoding=encoding).fingerprint == plain.fingerprint
    tabs = [line.replace(",", "\t") for line in lines]
    assert csv_of(end.join(tabs), encoding=encoding, separator="\t").fingerprint == plain.fingerprint


def test_a_separator_within_quotes_is_part_of_the_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = csv_of("a,kind\n" + "".join(f'{i},"{"xyz"[i % 3]}, or so"\n' for i in range(30)))
    assert made.classes == ("x, or so", "y, or so", "z, or so")


def test_a_table_of_forty_thousand_columns_is_read_in_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ",".join(f"gene {i}" for i in range(40_000))
    row = ",".join(["1"] * 40_000)
    before = time.process_time()
    made = csv_of(f"kind,{names}\n" + "".join(f"{'xy'[i % 2]},{row}\n" for i in range(6)), standardize=False)
    # A search of each name among those before it takes 15 s.
    assert time.process_time() - before < 4
    np.testing.assert_array_equal(made.train.x, np.ones((2, 40_000)))
