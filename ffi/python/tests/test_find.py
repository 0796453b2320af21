"""find(): what it finds, what it returns, and how it ends."""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import treenail
from treenail import find


def found(*arguments: Any, **options: Any) -> list[str]:
    results = find(*arguments, as_list=True, **options)
    assert sorted(find(*arguments, **options)) == sorted(results)
    return sorted(results)


def test_parameters_and_defaults_are_as_designed() -> None:
    expected = {
        "pattern": "*", "root": ".", "content": None, "file_type": None, "extension": None,
        "max_depth": None, "min_depth": 0, "min_size": None, "max_size": None,
        "mtime_after": None, "mtime_before": None, "hidden": False, "ignore_git": False,
        "case_sensitive": None, "follow_symlinks": False, "threads": None, "as_path": False,
        "as_list": False, "watch": False,
    }  # fmt: skip
    parameters = inspect.signature(find).parameters
    assert {name: one.default for name, one in parameters.items()} == expected


def test_names_and_paths(tree: Path) -> None:
    assert found("*.py") == ["B.py", "a.py", "sub/c.py"]
    assert found("sub/*") == ["sub/c.py", "sub/deep"]
    assert found("**/*.txt") == ["sub/deep/d.txt"]
    assert found("*.{txt,py}", "sub") == ["sub/c.py", "sub/deep/d.txt"]
    assert found("b.py") == ["B.py"]
    assert found("b.py", case_sensitive=True) == []
    assert found("A.py") == []
    assert found("A.py", case_sensitive=False) == ["a.py"]
    assert found(str(tree / "*.py")) == [str(tree / "B.py"), str(tree / "a.py")]
    assert found(str(tree / "sub" / "c.py")) == [str(tree / "sub" / "c.py")]
    assert found("*.py", tree, max_depth=1) == [str(tree / "B.py"), str(tree / "a.py")]


def test_filters(tree: Path) -> None:
    assert found(file_type="d") == ["sub", "sub/deep"]
    assert found(file_type="l") == ["link"]
    assert found(file_type="f", extension="py", hidden=True) == [
        ".hidden/e.py", "B.py", "a.py", "sub/c.py",
    ]  # fmt: skip
    assert found(extension=[".py", "txt"], min_depth=2) == ["sub/c.py", "sub/deep/d.txt"]
    assert found(max_depth=1) == ["B.py", "a.py", "link", "sub"]
    (tree / "big").write_bytes(bytes(1000))
    assert found(min_size=500) == ["big"]
    assert found(min_size=1, max_size=20) == ["B.py", "a.py"]
    assert found("c.py", follow_symlinks=True) == ["sub/c.py"]
    with pytest.raises(ValueError, match="file_type"):
        find(file_type="x")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="max_depth"):
        find(max_depth=-1)


def test_ignore_files_are_obeyed_unless_told_otherwise(tree: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tree / ".gitignore").write_text("*.txt\n")
    assert found("*.txt") == []
    assert found("*.txt", ignore_git=True) == ["sub/deep/d.txt"]


def test_times_in_all_their_forms(tree: Path) -> None:
    old = datetime(2020, 5, 17, 12, 0, tzinfo=timezone.utc)
    os.utime("a.py", (old.timestamp(), old.timestamp()))
    for time_before in [
        old + timedelta(seconds=1),
        old.timestamp() + 0.5,
        int(old.timestamp()) + 1,
        "2020-05-17T12:00:01Z",
        "2020-06-01",
        "2 days",
        "2 days ago",
        "-1h",
    ]:
        assert found("*.py", mtime_before=time_before) == ["a.py"], time_before
        assert found("*.py", mtime_after=time_before) == ["B.py", "sub/c.py"], time_before
    assert found("*.py", mtime_after=10**30) == []
    with pytest.raises(ValueError, match="mtime_after: 'soon' is no time"):
        find(mtime_after="soon")


def test_files_with_content(tree: Path) -> None:
    assert found(content="TODO in sub") == ["sub/c.py", "sub/deep/d.txt"]
    assert found("*.py", content="todo in .*C") == []
    assert found("*.py", content="todo in .*c") == ["sub/c.py"]


def test_paths_instead_of_text(tree: Path) -> None:
    assert sorted(find("*.py", as_path=True)) == [Path("B.py"), Path("a.py"), Path("sub/c.py")]
    assert isinstance(find("a.py", as_path=True, as_list=True)[0], Path)


def test_names_that_are_no_utf8(tree: Path) -> None:
    try:
        os.close(os.open(b"\xff.bin", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("the file system takes no such names")
    assert found("*.bin") == ["\udcff.bin"]


def test_a_bad_pattern_is_told_with_its_place(tree: Path) -> None:
    with pytest.raises(treenail.PatternError) as raised:
        find("ab[c")
    assert raised.value.position == 2
    assert isinstance(raised.value, (ValueError, treenail.TreenailError))
    with pytest.raises(treenail.PatternError) as raised:
        find(content="é(a")
    assert raised.value.position == 1
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.position) == (str(raised.value), 1)


def test_a_root_that_is_not_there_is_an_error(tree: Path) -> None:
    with pytest.raises(treenail.SearchError) as raised:
        find("*", "nowhere")
    assert raised.value.filename == "nowhere"
    assert isinstance(raised.value, OSError)
    assert pickle.loads(pickle.dumps(raised.value)).filename == "nowhere"


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_what_cannot_be_read_is_noted(tree: Path) -> None:
    os.chmod("sub", 0)
    user = os.geteuid()
    if user == 0:
        # Root may read everything; anybody else will do.
        os.chown(".", 65534, -1)
        os.seteuid(65534)
    try:
        # Without ignore rules: those above the root are read, too, and may be somebody else's.
        results = find("*.py", ignore_git=True)
        assert sorted(results) == ["B.py", "a.py"]
        assert [type(one) for one in results.errors] == [treenail.SearchError]
        assert os.path.normpath(results.errors[0].filename) == "sub"
    finally:
        os.seteuid(user)
        os.chmod("sub", 0o755)


def test_results_stream_in_any_thread(large: Path) -> None:
    results = find("*.txt", large)
    others: list[str] = []
    threads = [threading.Thread(target=lambda: others.extend(results)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(others) == len(set(others)) == 20_000


def test_a_closed_iterator_is_at_its_end(large: Path) -> None:
    with find("*.txt", large) as results:
        next(results)
    assert list(results) == []
    results.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
def test_an_iterator_that_is_dropped_ends_its_threads(large: Path) -> None:
    results = find("*.txt", large, threads=4)
    next(results)
    del results
    searched = treenail.search("needle", "*.txt", large, threads=4)
    next(searched)
    del searched
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > threading.active_count():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_async_iteration(large: Path) -> None:
    async def count() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticker = asyncio.create_task(tick())
        paths = [path async for path in find("*.txt", large)]
        ticker.cancel()
        return len(paths), ticks

    paths, ticks = asyncio.run(count())
    assert paths == 20_000
    assert ticks > 10


def test_async_iteration_can_be_left(large: Path) -> None:
    async def first() -> str:
        results = find("*.txt", large)
        async for path in results:
            break
        results.close()
        return path

    assert asyncio.run(first()).endswith(".txt")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_ends_a_long_wait(large: Path) -> None:
    script = f"""if True:
        import os, signal, sys, threading, time, treenail
        def interrupt():
            time.sleep(0.3)
            interrupt.at = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        try:
            while True: treenail.find("none*", {str(large)!r}, as_list=True)
        except KeyboardInterrupt:
            sys.exit(7 if time.monotonic() - interrupt.at < 5 else 8)
    """
    ended = subprocess.run([sys.executable, "-c", script], timeout=60)
    assert ended.returncode == 7


@pytest.mark.skipif(os.name != "posix", reason="fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork_new_searches_work_and_old_ones_say_so(large: Path) -> None:
    results = find("*.txt", large)
    next(results)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            for _ in results:
                pass
            os._exit(1)
        except treenail.TraversalNotSupportedError:
            pass
        del results
        os._exit(0 if len(find("*.txt", large, as_list=True)) == 20_000 else 2)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(results)) == 20_000 - 1
