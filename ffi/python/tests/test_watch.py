"""find(watch=True): what comes and goes, and how it ends."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import treenail
from treenail import Change, find


def watched(results: treenail.Results[Change], count: int) -> list[Change]:
    return sorted(next(results) for _ in range(count))


def test_what_is_there_comes_first_and_then_what_comes_and_goes(tree: Path) -> None:
    with find("*.py", watch=True) as results:
        assert watched(results, 3) == [
            Change("found", "B.py"),
            Change("found", "a.py"),
            Change("found", "sub/c.py"),
        ]
        (tree / "new.py").touch()
        assert next(results) == Change("added", "new.py")
        assert results.complete
        (tree / "sub" / "other.txt").touch()
        os.rename("sub", "moved")
        assert watched(results, 2) == [
            Change("added", "moved/c.py"),
            Change("removed", "sub/c.py"),
        ]
        shutil.rmtree("moved")
        assert next(results) == Change("removed", "moved/c.py")


def test_what_happens_after_the_call_is_told_wherever_one_goes(tree: Path) -> None:
    results = find("**/*.txt", "sub", watch=True)
    os.chdir("/")
    assert next(results) == Change("found", "sub/deep/d.txt")
    (tree / "sub" / "b.txt").touch()
    assert next(results) == Change("added", "sub/b.txt")


def test_filters_and_rules_decide_what_is_told(tree: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    with find(min_size=1, extension="txt", watch=True, as_path=True) as results:
        assert next(results) == Change("found", Path("sub/deep/d.txt"))
        (tree / "e.txt").touch()
        (tree / "f.txt").write_text("text")
        assert next(results) == Change("added", Path("f.txt"))
        (tree / "e.txt").write_text("text")
        assert next(results) == Change("added", Path("e.txt"))
        (tree / ".gitignore").write_text("f.txt\n")
        assert next(results) == Change("removed", Path("f.txt"))


def test_what_cannot_be_watched_is_said_at_once(tree: Path) -> None:
    with pytest.raises(ValueError, match="as_list and watch"):
        find(watch=True, as_list=True)
    with pytest.raises(ValueError, match="content and watch"):
        find(watch=True, content="a")
    with pytest.raises(treenail.TraversalNotSupportedError, match="symbolic links"):
        find(watch=True, follow_symlinks=True)
    with pytest.raises(treenail.PatternError):
        find("[a", watch=True)
    with pytest.raises(treenail.SearchError) as raised:
        find("*", "nowhere", watch=True)
    assert os.path.basename(raised.value.filename) == "nowhere"
    with pytest.raises(TypeError):
        treenail.search("a", watch=True)  # type: ignore[call-overload]


def test_a_root_that_goes_is_an_error_after_all_that_was_in_it(tree: Path) -> None:
    results = find("*.txt", tree / "sub", watch=True)
    next(results)
    shutil.rmtree(tree / "sub")
    assert next(results) == Change("removed", str(tree / "sub/deep/d.txt"))
    with pytest.raises(treenail.SearchError):
        next(results)
    assert list(results) == []


def test_nothing_is_lost_while_nobody_reads(tree: Path) -> None:
    (tree / "many").mkdir()
    with find("*.x", watch=True, hidden=True) as results:
        for number in range(2_000):
            (tree / "many" / f"{number}.x").touch()
            if number % 2:
                (tree / "many" / f"{number}.x").unlink()
        (tree / "many" / "last.x").touch()
        there: set[str | Path] = set()
        for kind, path in results:
            if kind == "removed":
                there.remove(path)
            else:
                assert path not in there
                there.add(path)
            if len(there) == 1_001 and "many/last.x" in there:
                break
    assert there == {f"many/{number}.x" for number in range(0, 2_000, 2)} | {"many/last.x"}


def test_changes_can_be_pickled(tree: Path) -> None:
    with find("a.py", watch=True, as_path=True) as results:
        change = next(results)
    assert pickle.loads(pickle.dumps(change)) == change == ("found", Path("a.py"))


def test_another_thread_can_close_it_and_see_how_it_stands(tree: Path) -> None:
    results = find("none", watch=True)
    waiting = threading.Thread(target=lambda: ended.extend(results))
    ended: list[Change] = []
    waiting.start()
    while not results.complete:
        time.sleep(0.001)
    assert results.errors == []
    results.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert ended == []


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
def test_dropped_it_leaves_no_thread(large: Path) -> None:
    before = len(os.listdir("/proc/self/task"))
    for waits in [False, True, False]:
        results = find("*", large, watch=True)
        if waits:
            next(results)
        del results
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > before:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_ends_the_wait(tree: Path) -> None:
    script = """if True:
        import os, signal, sys, threading, time, treenail
        def interrupt():
            while not results.complete: time.sleep(0.001)
            time.sleep(0.1)
            interrupt.at = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        results = treenail.find("none", watch=True)
        threading.Thread(target=interrupt).start()
        try:
            next(results)
        except KeyboardInterrupt:
            sys.exit(7 if time.monotonic() - interrupt.at < 5 else 8)
    """
    ended = subprocess.run([sys.executable, "-c", script], timeout=60)
    assert ended.returncode == 7


def test_async_iteration_of_many_at_once(tree: Path) -> None:
    async def follow(number: int) -> list[Change]:
        changes = []
        async for change in find(f"{number}.x", watch=True):
            changes.append(change)
            if change.kind == "added":
                (tree / f"{number}.x").unlink()
            else:
                break
        return changes

    async def run() -> list[list[Change]]:
        tasks = [asyncio.create_task(follow(number)) for number in range(40)]
        await asyncio.sleep(0)
        for number in range(40):
            (tree / f"{number}.x").touch()
        return await asyncio.gather(*tasks)

    for changes in asyncio.run(asyncio.wait_for(run(), 60)):
        # What comes while the directory is first looked through counts as found.
        assert [change.kind for change in changes] in (["added", "removed"], ["found"])


def test_a_cancelled_task_ends_its_watch(tree: Path) -> None:
    results = find("none", watch=True)

    async def wait() -> None:
        async for _ in results:
            raise AssertionError("there is nothing")

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(), 0.05)

    asyncio.run(run())
    assert list(results) == []


@pytest.mark.skipif(os.name != "posix", reason="fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_no_part_in_it(tree: Path) -> None:
    results = find("a.py", watch=True)
    next(results)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            next(results)
        except treenail.TraversalNotSupportedError:
            results.close()
            del results
            with find("a.py", watch=True) as own:
                os._exit(0 if next(own) == Change("found", "a.py") else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    (tree / "a.py").unlink()
    assert next(results) == Change("removed", "a.py")
