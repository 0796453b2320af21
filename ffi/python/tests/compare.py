"""One of those that `cargo xtask compare glob` compares, as it is used from Python.

    python compare.py CONTENDER CASE DIRECTORY

Each line that comes is answered by one: `answer` by what the case finds, as a number, and `time`
by how many milliseconds one call takes, of the clock and of the processor. Short calls are made
many times.
"""

from __future__ import annotations

import glob as standard
import hashlib
import importlib
import importlib.metadata
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

Call = Callable[[], Iterable[str]]

# How often short calls are made between two looks at the clock.
REPEAT = 1000


def main() -> None:
    contender, case, directory = sys.argv[1:]
    os.chdir(directory)
    with tempfile.TemporaryDirectory() as small:
        repeat = 1
        if case.startswith("small "):
            case = case.removeprefix("small ")
            repeat = REPEAT
            for number in range(10):
                open(os.path.join(small, f"f{number}.txt"), "w").close()
            os.chdir(small)
        call = CONTENDERS[contender](case)
        for line in sys.stdin:
            if line == "version\n":
                print(version(contender), flush=True)
            elif line == "answer\n":
                print(answer(call()), flush=True)
            else:
                print(*timed(call, repeat), flush=True)
        os.chdir("/")


def treenail_glob(pattern: str) -> Call:
    from treenail import glob

    return lambda: glob.glob(pattern, recursive=True)


def standard_glob(pattern: str) -> Call:
    return lambda: standard.glob(pattern, recursive=True)


def vexy_glob(pattern: str) -> Call:
    package: Any = importlib.import_module("vexy_glob")
    return lambda: list(package.glob(pattern, recursive=True))


def treenail_find(pattern: str) -> Call:
    from treenail import find

    return lambda: find(pattern, ignore_git=True, as_list=True)


def vexy_find(pattern: str) -> Call:
    package: Any = importlib.import_module("vexy_glob")
    found: Call = lambda: package.find(pattern, ignore_git=True, as_list=True)
    return found


CONTENDERS: dict[str, Callable[[str], Call]] = {
    "treenail.glob": treenail_glob,
    "glob": standard_glob,
    "vexy_glob": vexy_glob,
    "treenail.find": treenail_find,
    "vexy_glob.find": vexy_find,
}


def version(contender: str) -> str:
    if contender == "glob":
        return f"Python {sys.version.split()[0]}"
    package = contender.split(".")[0]
    return f"{package} {importlib.metadata.version(package)}"


def answer(found: Iterable[str]) -> str:
    """Return how many paths were found, and a digest of them whatever their order."""
    paths = sorted(os.fsencode(os.path.normpath(path)) for path in found)
    return f"{len(paths)} {hashlib.sha256(bytes(1).join(paths)).hexdigest()}"


def timed(call: Call, repeat: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall * 1e3 / repeat, cpu * 1e3 / repeat


if __name__ == "__main__":
    main()
