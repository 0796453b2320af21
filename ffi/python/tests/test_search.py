"""search(): lines, and where in them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import treenail
from treenail import SearchResult, search


def test_lines_with_their_numbers_and_spans(tree: Path) -> None:
    results = sorted(search("TODO|in", "*.py"))
    assert [one.path for one in results] == ["B.py", "a.py", "sub/c.py"]
    first = results[0]
    assert first == SearchResult("B.py", 2, "TODO in B.py", ((0, 4), (5, 7)))
    assert [first.line_text[start:end] for start, end in first.matches] == ["TODO", "in"]
    assert search("TODO", "*.txt", "sub", as_list=True)[0].path == "sub/deep/d.txt"


def test_spans_count_characters(tree: Path) -> None:
    (tree / "u.txt").write_bytes("ää ßx\n".encode() + b"\xff\xffx\r\n")
    found = search("x", "u.txt", as_list=True)
    assert [(one.line_text, one.matches) for one in found] == [
        ("ää ßx", ((4, 5),)),
        ("\ufffd\ufffdx", ((2, 3),)),
    ]


def test_paths_instead_of_text(tree: Path) -> None:
    assert search("TODO", "a.py", as_path=True, as_list=True)[0].path == Path("a.py")


def test_arguments_of_find_are_taken(tree: Path) -> None:
    assert [one.path for one in search("TODO", extension="py", max_depth=1, hidden=True)] != []
    assert search("todo", as_list=True) != []
    assert search("todo", case_sensitive=True, as_list=True) == []
    with pytest.raises(TypeError, match="content_regex"):
        search("a", content="b")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unexpected"):
        search("a", colour="red")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="content_regex must be a str"):
        search(b"a")  # type: ignore[call-overload]


def test_binary_files_are_left(tree: Path) -> None:
    (tree / "binary").write_bytes(b"\0\0needle\n")
    assert search("needle", as_list=True) == []


def test_a_bad_expression_is_told_with_its_place(tree: Path) -> None:
    with pytest.raises(treenail.PatternError) as raised:
        search("a(b")
    assert raised.value.position == 1


def test_results_are_picklable(tree: Path) -> None:
    results = search("TODO", as_list=True)
    assert pickle.loads(pickle.dumps(results)) == results


def test_all_lines_of_many_files(large: Path) -> None:
    results = search("needle|hay$", "f1.txt", large, as_list=True)
    assert len(results) == 20 * 20 * 501
