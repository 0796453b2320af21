"""treenail.glob where it could differ from the standard library's glob."""

from __future__ import annotations

import glob as standard
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import treenail
from treenail import glob

FUNCTIONS = [glob.glob, glob.iglob]
POSIX = pytest.mark.skipif(os.name != "posix", reason="on other systems it is the library's own")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_package_has_it_as_a_module() -> None:
    assert treenail.glob is glob
    assert glob.__all__ == ["glob", "iglob", "escape", "translate"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the library has fewer parameters")
@pytest.mark.parametrize("name", ["glob", "iglob"])
def test_parameters_are_the_librarys(name: str) -> None:
    ours = inspect.signature(getattr(glob, name))
    assert str(ours) == str(inspect.signature(getattr(standard, name)))


def test_order_is_the_librarys(large: Path) -> None:
    pattern = os.path.join(large, "**")
    found = glob.glob(pattern, recursive=True)
    assert len(found) == 20 * 20 * 50 + 20 * 20 + 20 + 2
    assert found == standard.glob(pattern, recursive=True)
    pattern = os.path.join(large, "**", "*7.txt")
    assert glob.glob(pattern, recursive=True) == standard.glob(pattern, recursive=True)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_comes_out_is_what_went_in(tree: Path, function: Any) -> None:
    assert {type(one) for one in function("*")} == {str}
    assert {type(one) for one in function(b"*")} == {bytes}
    assert sorted(function(tree / "*.py")) == [str(tree / "B.py"), str(tree / "a.py")]
    assert list(function("c*", root_dir=tree / "sub")) == ["c.py"]

    class Named(str):
        pass

    name = Named("a.py")
    assert next(iter(function(name))) is name


def test_an_iterator_begins_when_it_is_asked(tree: Path) -> None:
    found = glob.iglob("*.new")
    (tree / "x.new").touch()
    assert list(found) == ["x.new"]
    # Also the library looks at once where the first path may be empty.
    found = glob.iglob("**/*.new", recursive=True)
    (tree / "sub" / "y.new").touch()
    assert sorted(found) == ["link/y.new", "sub/y.new", "x.new"]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc")
def test_a_suspended_iterator_holds_nothing_open(large: Path) -> None:
    before = descriptors()
    iterators = [glob.iglob(str(large / "**" / "*.txt"), recursive=True) for _ in range(50)]
    assert len({next(one) for one in iterators}) == 1
    assert descriptors() == before


@POSIX
def test_a_closed_iterator_is_at_its_end(tree: Path) -> None:
    found = glob.iglob("*")
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert list(found) == []


def test_audit_events_are_raised() -> None:
    script = """if True:
        import sys
        events = []
        sys.addaudithook(lambda name, args: name.startswith("glob") and events.append((name, args)))
        from treenail import glob
        class P:
            def __fspath__(self): return "a*"
        glob.glob("x*", root_dir="r", recursive=1)
        glob.iglob(b"y*", dir_fd=3)
        glob.glob("\\0*")
        glob.glob(P())
        assert events == [
            ("glob.glob", ("x*", 1)), ("glob.glob/2", ("x*", 1, "r", None)),
            ("glob.glob", (b"y*", False)), ("glob.glob/2", (b"y*", False, None, 3)),
            ("glob.glob", ("\\0*", False)), ("glob.glob/2", ("\\0*", False, None, None)),
            ("glob.glob", ("a*", False)), ("glob.glob/2", ("a*", False, None, None)),
        ], events
        def refuse(name, args):
            if name == "glob.glob": raise PermissionError("refused")
        sys.addaudithook(refuse)
        try: glob.iglob("*")
        except PermissionError: pass
        else: raise AssertionError("not refused")
    """
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("pattern", "options"),
    [
        ("a\0/*", {}),
        ("*", {"root_dir": b"."}),
        (b"x/*", {"root_dir": "."}),
        (3, {}),
        (None, {}),
        (bytearray(b"*"), {}),
        ("*", {"root_dir": 3}),
        ("sub/*", {"dir_fd": "x"}),
        ("sub/*", {"dir_fd": 2**40}),
        ("sub/*", {"dir_fd": 1000}),
        ("sub/*", {"dir_fd": -1}),
        ("\ud800/*", {}),
        ("\ud800", {}),
        ("\udcc3\udca9*", {}),
    ],
)
def test_errors_are_the_librarys(tree: Path, pattern: Any, options: Any) -> None:
    def outcome(function: Any) -> Any:
        try:
            return list(function(pattern, **options))
        except Exception as error:
            return type(error), str(error)

    assert outcome(glob.glob) == outcome(standard.glob)
    assert outcome(glob.iglob) == outcome(standard.iglob)


@POSIX
def test_names_that_are_no_utf8_are_found(tree: Path) -> None:
    names = [b"\xff\xfe.x", b"\xc3\xa9.x", b"caf\xe9.x"]
    for name in names:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    assert sorted(glob.glob(b"*.x")) == sorted(names)
    assert sorted(glob.glob("*.x")) == sorted(map(os.fsdecode, names))
    assert glob.glob("?.x") == ["é.x"]
    assert glob.glob("\udcff*") == [os.fsdecode(names[0])]
    assert glob.glob("caf[\udc80-\udcff].x") == [os.fsdecode(names[2])]


@POSIX
def test_a_dir_fd_is_left_rewound_and_open(tree: Path) -> None:
    fd = os.open(tree, os.O_RDONLY)
    for _ in range(2):
        assert sorted(glob.glob("*.py", dir_fd=fd)) == ["B.py", "a.py"]
        assert glob.glob("*/c.py", dir_fd=fd, root_dir=".") == standard.glob(
            "*/c.py", dir_fd=fd, root_dir="."
        )
    os.close(fd)
    assert glob.glob("*", dir_fd=fd) == []


@POSIX
def test_other_threads_run_meanwhile(large: Path) -> None:
    turns = 0
    is_over = False

    def count() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    pattern = str(large / "**" / "**" / "*.txt")
    end = time.monotonic() + 0.3
    calls = 0
    while time.monotonic() < end:
        glob.glob(pattern, recursive=True)
        calls += 1
    is_over = True
    counter.join()
    assert turns > calls


@POSIX
def test_an_interrupt_ends_a_long_call(large: Path) -> None:
    script = f"""if True:
        import glob as standard, os, signal, sys, threading, time
        from treenail import glob
        def interrupt():
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        try:
            # Each takes several times as long as the one before, however fast the machine is.
            for stars in range(4, 16):
                if sys.argv[1] == "glob":
                    glob.glob({str(large)!r} + "/**" * stars, recursive=True)
                else:
                    for _ in glob.iglob({str(large)!r} + "/**" * stars + "/none*/x", recursive=True):
                        pass
        except KeyboardInterrupt:
            sys.exit(7)
    """
    for name in ["glob", "iglob"]:
        ended = subprocess.run([sys.executable, "-c", script, name], timeout=60)
        assert ended.returncode == 7


@POSIX
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_works_after_a_fork(large: Path) -> None:
    pattern = str(large / "**" / "*.txt")
    suspended = glob.iglob(pattern, recursive=True)
    first = next(suspended)
    expected = glob.glob(pattern, recursive=True)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        is_equal = glob.glob(pattern, recursive=True) == expected
        is_equal &= [first, *suspended] == expected
        os._exit(0 if is_equal else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [first, *suspended] == expected


def test_escape_quotes_what_has_a_meaning() -> None:
    assert glob.escape("a[b]*?") == "a[[]b][*][?]"
    assert glob.escape(b"\xff*") == b"\xff[*]"


def test_has_magic_says_whether_there_is_a_wildcard() -> None:
    for text in ["a*", "?", "[", "a", "", "{a}", "\\"]:
        assert glob.has_magic(text) == standard.has_magic(text)
        assert glob.has_magic(text.encode()) == standard.has_magic(text.encode())
    with pytest.raises(TypeError):
        glob.has_magic(3)  # type: ignore[arg-type]
