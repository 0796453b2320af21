"""How long treenail takes beside the standard library and vexy_glob, in turns, on a directory.

    python tests/compare.py DIRECTORY [--rounds N]

Every answer is compared with the standard library's before anything is timed. vexy_glob takes part
if it is installed. Times are medians; only ratios taken in one run mean anything.
"""

from __future__ import annotations

import argparse
import glob as standard
import importlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import treenail
from treenail import glob

Call = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    os.chdir(arguments.directory)
    print(f"{'case':<28}{'treenail':>12}{'standard':>12}{'ratio':>8}{'vexy_glob':>12}{'ratio':>8}")
    for pattern in ["**/*.js", "**", "**/package.json", "*/*/package.json"]:
        compare(f"glob {pattern}", recursively(pattern), arguments.rounds)
    compare("find *.js", by_find(), arguments.rounds)
    with tempfile.TemporaryDirectory() as small:
        os.chdir(small)
        for number in range(10):
            open(f"f{number}.txt", "w").close()
        for pattern in ["*.txt", "f1.txt", "**/*.txt"]:
            calls = recursively(pattern)
            calls.pop("vexy_glob", None)
            compare(f"10 entries, {pattern}", calls, arguments.rounds, repeat=1000)
        os.chdir("/")


def rival() -> Any:
    try:
        return importlib.import_module("vexy_glob")
    except ImportError:
        return None


def recursively(pattern: str) -> dict[str, Call]:
    calls: dict[str, Call] = {
        "treenail": lambda: glob.glob(pattern, recursive=True),
        "standard": lambda: standard.glob(pattern, recursive=True),
    }
    vexy_glob = rival()
    # What the other patterns find there is something else.
    if vexy_glob and pattern == "**/*.js":
        calls["vexy_glob"] = lambda: list(vexy_glob.glob(pattern, recursive=True))
    return calls


def by_find() -> dict[str, Call]:
    calls: dict[str, Call] = {
        "treenail": lambda: treenail.find("*.js", ignore_git=True, as_list=True),
        "standard": lambda: standard.glob("**/*.js", recursive=True),
    }
    vexy_glob = rival()
    if vexy_glob:
        calls["vexy_glob"] = lambda: vexy_glob.find("*.js", ignore_git=True, as_list=True)
    return calls


def compare(name: str, calls: dict[str, Call], rounds: int, repeat: int = 1) -> None:
    answers = {one: sorted(map(os.path.normpath, call())) for one, call in calls.items()}
    for one, answer in answers.items():
        if answer != answers["standard"]:
            raise SystemExit(f"{name}: {one} finds {len(answer)}, not the same")
    times: dict[str, list[float]] = {one: [] for one in calls}
    for _ in range(rounds):
        for one, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            times[one].append((time.perf_counter() - start) / repeat)
    medians = {one: statistics.median(taken) for one, taken in times.items()}
    row = f"{name:<28}{shown(medians['treenail'])}"
    for other in ["standard", "vexy_glob"]:
        if other in medians:
            row += f"{shown(medians[other])}{medians[other] / medians['treenail']:>7.1f}x"
    print(row)


def shown(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:>9.1f} us"
    return f"{seconds * 1e3:>9.1f} ms"


if __name__ == "__main__":
    main()
