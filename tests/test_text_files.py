"""Text that people hand in: what is read, and what is refused, by file, line and key."""

import json
import os
import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.errors import ConfigError, DataError
from ntlbg.text_files import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIGITS,
    as_whole_number,
    check_file,
    parse_json,
    read_bytes,
    read_json,
    read_json_lines,
    read_text,
)

PLAIN = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_json_wrote_is_read_as_json_reads_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse_json(text, "f") == json.loads(text) == value


def refused(text: str) -> bool:
    """By json itself: two keys alike and constants, but not sizes that a short text has not."""

    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    def constant(name):
        raise ValueError

    try:
        json.loads(text, object_pairs_hook=once, parse_constant=constant)
    except ValueError:
        return True
    return False


@given(
    st.text('[]{}:,"a \n0123.-+e', max_size=40)
    | st.lists(st.sampled_from(["[", "]", "{", "}", '"a"', ":", ",", "NaN", "1"])).map("".join)
)
def test_all_else_is_refused(text):
    if refused(text):
        with pytest.raises(DataError, match=r"^f:\d+: "):
            parse_json(text, "f")
    elif "e" not in text:  # of which the exponent may be anything
        assert json.dumps(parse_json(text, "f")) == json.dumps(json.loads(text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,\n"b": 2,\n"a": 3}', "f:3: a: this key is there twice, 2 lines above; keep one"),
        ('{"a": 1, "\\u0061": 3}', "f:1: a: this key is there twice; keep one"),
        ('[{}, {"a": [0,\n{"b": 1, "b": 1}]}]', "f:2: 1.a.1.b: this key is there twice"),
        ('[1,\n{"a": NaN}]', "f:2: 1.a: NaN is no number in JSON; give a finite one, or null"),
        ("-Infinity", "f:1: -Infinity is no number in JSON"),
        ('{"a": [1, 1e400]}', "f:1: a.1: 1e400 is too large a number (5 characters)"),
        ('{"a": -1.0e999}', "f:1: a: -1.0e999 is too large a number"),
        ('{"a": ' + "7" * 5000, f"f:1: a: {'7' * 20} is too large a number (5000 characters)"),
        ("-" + "7" * MAX_DIGITS, f"f:1: -{'7' * 19} is too large a number"),
        ("[" * 100_000, "f:1: more than 100 brackets inside each other"),
        ('{"a":\n' * 100_000, "f:101: more than 100 brackets inside each other"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "f:1: more than 100 brackets"),
        ('[1,\n2,\n"a]', "f:3: not JSON (Unterminated string starting at, column 1)"),
        ("9" * 5000 + "x", f"f:1: {'9' * 20} is too large a number (5000 characters)"),
        ("NaNx", "f:1: NaN is no number in JSON"),
        ('"a\tb"', "f:1: not JSON (Invalid control character at, column 3)"),
        ("", "f:1: not JSON (Expecting value, column 1)"),
    ],
)
def test_what_is_not_taken_is_told_with_its_place(text, told):
    with pytest.raises(ConfigError) as error:
        parse_json(text, "f", ConfigError)
    assert str(error.value).startswith(told)


def test_numbers_and_brackets_up_to_the_limit_are_taken():
    assert parse_json("7" * MAX_DIGITS, "f") == int("7" * MAX_DIGITS)
    assert parse_json("1.7976931348623157e308", "f") == 1.7976931348623157e308
    assert parse_json("1e-400", "f") == 0.0
    deep = parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f")
    for _ in range(MAX_DEPTH - 1):
        [deep] = deep
    assert deep == []


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"],
)
def test_every_unicode_is_read(encoding, tmp_path):
    path = tmp_path / "f.json"
    path.write_bytes('{"é一": "\U0001f600"}'.encode(encoding))
    assert read_json(path, "a file") == {"é一": "\U0001f600"}


def test_other_encodings_are_told_by_the_line(tmp_path):
    path = tmp_path / "f.json"
    path.write_bytes(b'{\n"a": "caf\xe9"}')
    with pytest.raises(DataError, match=r"f\.json:2: cannot be read as UTF-8 text .*save it as"):
        read_text(path, "a file")
    path.write_bytes(b"\xff\xfea")
    with pytest.raises(DataError, match=r"f\.json:1: cannot be read as UTF-16 text"):
        read_text(path, "a file")


def special(folder):
    """What is no regular file; one would wait for a writer, one never ends."""
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder / "socket"))
    return [folder / "pipe", folder / "socket", "/dev/zero", "/dev/null"]


@pytest.mark.parametrize("read", [read_bytes, read_text, read_json, check_file])
def test_only_regular_files_are_opened_and_nothing_is_waited_for(read, tmp_path, monkeypatch):
    for path in special(tmp_path):
        with pytest.raises(ConfigError, match=f"{path}: is not a regular file; give a map"):
            read(path, "a map", ConfigError)
    with pytest.raises(DataError, match="is a folder; give a map"):
        read(tmp_path, "a map")
    with pytest.raises(DataError, match="gone: no such file; give a map"):
        read(tmp_path / "gone", "a map")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=re.escape(f"gone: no such file in {tmp_path}; give a map")):
        read("gone", "a map")
    with pytest.raises(DataError, match="cannot be read"):
        read("null\0", "a map")
    with pytest.raises(DataError, match="File name too long"):
        read(tmp_path / ("x" * 5000), "a map")


def test_a_limit_is_told_and_nothing_is_read(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(2**40)  # no disk space is used
    for read in (read_bytes, read_text, read_json):
        with pytest.raises(DataError, match="large: is larger than 64 MB; give a map"):
            read(tmp_path / "large", "a map")
    with pytest.raises(DataError, match="large: is larger than 4096 MB"):
        list(read_json_lines(tmp_path / "large"))
    os.truncate(tmp_path / "large", MAX_BYTES)
    assert len(read_bytes(tmp_path / "large", "a map")) == MAX_BYTES


def test_descriptors_are_closed(tmp_path):
    paths = [tmp_path, *special(tmp_path), tmp_path / "gone"]
    before = len(os.listdir("/proc/self/fd"))
    for path in paths:
        with pytest.raises(DataError):
            read_bytes(path, "a map")
    assert len(os.listdir("/proc/self/fd")) == before


def test_lines_are_numbered(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 1,\t"a": 2}\n')
    lines = read_json_lines(path)
    assert next(lines) == (1, {"a": 1})
    with pytest.raises(DataError, match=r"f\.jsonl:3: a: this key is there twice"):
        next(lines)


@given(st.text("0123456789²٣-+_ .", max_size=12))
def test_whole_numbers_are_ascii_digits(text):
    if text.isascii() and text.isdigit() and len(text) < 10:
        assert as_whole_number(text) == int(text)
    else:
        assert as_whole_number(text) is None
