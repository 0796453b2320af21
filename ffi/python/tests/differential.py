"""The standard library and treenail.glob, compared on random trees and random patterns.

    python tests/differential.py [--seconds N] [--seed N]

A seed makes one tree and some hundred patterns. What differs is printed with the seed, and the
program fails.
"""

from __future__ import annotations

import argparse
import glob as standard
import os
import random
import re
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import treenail.glob

NAMES = [
    b"a", b"b", b"ab", b"ba", b"aab", b"A", b"a.js", b"b.js", b".js", b".a", b".b", b"..a", b"...",
    b"[", b"]", b"[a]", b"!", b"-", b"^", b"\\", b"a-b", b"*", b"?", b"**", b"{a,b}", b" ", b"\n",
    b"~", b"&&", b"\xc3\xa9", b"e\xcc\x81", b"\xff", b"\xc3", b"\xa9", b"a\xff.js", b"\xe2\x82",
    b"\xf0\x9f\x92\xa9", b"\xed\xb2\x80", b"\xc3\xa9\xa9", b"x" * 40,
]  # fmt: skip
PIECES = [
    "a", "b", "ab", ".", "*", "*", "*", "?", "?", "**", "[ab]", "[!a]", "[a-b]", "[b-a]", "[!b-a]",
    "[]a]", "[!]]", "[^a]", "[", "]", "[a", "[-a]", "[a-]", "[--a]", "[a-b-c]", "[\\]", "[[]", "[*]",
    "[a&&b]", "[~~a]", "[||]", ".js", "*.js", "é", "[é]", "[à-ü]", "\udcff", "\udcc3", "[\udcff]",
    "\udca9", "[\udc80-\udcff]", "💩", "\\", "!", "-", "{a,b}", "\n",
]  # fmt: skip
SEGMENTS = ["**", "**", "**", "*", "*", ".*", "", ".", "..", "a", "b", "*.js", "*a*", "link0", "dir0"]
SIZE_MAX = 600

Options = dict[str, Any]


def make_tree(rng: random.Random, top: bytes) -> list[bytes]:
    """Fill a directory with up to some forty entries; return the paths of its directories."""
    directories = [b""]
    for number in range(rng.randrange(2, 40)):
        name = rng.choice(NAMES) if rng.random() < 0.7 else b"dir%d" % rng.randrange(3)
        parent = rng.choice(directories[-6:])
        path = os.path.join(parent, name)
        full = os.path.join(top, path)
        kind = rng.random()
        try:
            if kind < 0.45:
                os.mkdir(full)
                directories.append(path)
            elif kind < 0.75:
                os.close(os.open(full, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            elif kind < 0.78:
                os.mkfifo(full)
            elif kind < 0.8:
                os.symlink(b"nowhere", os.path.join(top, parent, b"link%d" % (number % 2)))
            else:
                make_link(rng, top, os.path.join(top, parent), directories)
        except FileExistsError:
            pass
    return directories


def make_link(rng: random.Random, top: bytes, parent: bytes, directories: list[bytes]) -> None:
    """Link to another directory; rarely to one above, which makes a loop."""
    to = os.path.join(top, rng.choice(directories))
    inside = os.path.realpath(parent) + b"/"
    if inside.startswith(os.path.realpath(to) + b"/") and rng.random() < 0.9:
        return
    if rng.random() < 0.5:
        to = os.path.relpath(to, parent)
    os.symlink(to, os.path.join(parent, b"link%d" % rng.randrange(3)))


def size(top: bytes) -> int:
    """Return how many entries there are when links are followed: loops multiply one another."""
    count = 0
    for _, directories, files in os.walk(top, followlinks=True):
        count += len(directories) + len(files)
        if count > SIZE_MAX:
            break
    return count


def make_pattern(rng: random.Random, recursions_max: int) -> str:
    segments = []
    for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 3, 4])):
        if rng.random() < 0.6:
            segments.append(rng.choice(SEGMENTS))
        else:
            segments.append("".join(rng.choices(PIECES, k=rng.choice([1, 1, 2, 3]))))
    while segments.count("**") > recursions_max:
        segments.remove("**")
    return rng.choice(["/", "/", "/", "//"]).join(segments)


def outcome(function: Callable[..., Iterable[Any]], pattern: Any, options: Options) -> Any:
    """Return what a call returns, or what it raises."""
    try:
        return list(function(pattern, **options))
    except re.error:
        raise
    except Exception as error:
        return (type(error).__name__, str(error))


def difference(expected: Any, found: Any) -> str:
    """Return what only one of the two has, or both where that says nothing."""
    if isinstance(expected, list) and isinstance(found, list):
        missing = Counter(expected) - Counter(found)
        more = Counter(found) - Counter(expected)
        if missing or more:
            return f"  missing: {list(missing.elements())}\n  too many: {list(more.elements())}"
    return f"  standard: {expected}\n  treenail: {found}"


def options_for(
    rng: random.Random, top: bytes, directories: list[bytes], is_bytes: bool
) -> Options:
    options: Options = {}
    if rng.random() < 0.8:
        options["recursive"] = True
    if rng.random() < 0.3 and sys.version_info >= (3, 11):
        options["include_hidden"] = True
    start = rng.random()
    if start < 0.3:
        root = os.path.join(top, rng.choice(directories))
        options["root_dir"] = root if is_bytes else os.fsdecode(root)
        if rng.random() < 0.1:
            options["root_dir"] += b"/" if is_bytes else "/"
    elif start < 0.35:
        options["root_dir"] = rng.choice(["nowhere", "", "a"])
        if is_bytes:
            options["root_dir"] = os.fsencode(options["root_dir"])
    elif start < 0.6:
        options["dir_fd"] = os.open(os.path.join(top, rng.choice(directories)), os.O_RDONLY)
        if rng.random() < 0.2:
            options["root_dir"] = rng.choice(["a", "dir0", "."])
            if is_bytes:
                options["root_dir"] = os.fsencode(options["root_dir"])
    return options


def compare(seed: int, patterns: int) -> tuple[int, list[str]]:
    """Return how many patterns were compared, and what differed."""
    rng = random.Random(seed)
    # So deep that no pattern leads out of it.
    outermost = os.fsencode(tempfile.mkdtemp(prefix="differential"))
    scratch = os.path.join(outermost, *[b"up"] * 6)
    os.makedirs(scratch)
    differences = []
    compared = 0
    before = os.getcwd()
    try:
        directories = make_tree(rng, scratch)
        entries = size(scratch)
        if entries > SIZE_MAX:
            return 0, []
        recursions_max = 2 if entries < 60 else 1
        os.chdir(scratch)
        for _ in range(patterns):
            pattern: Any = make_pattern(rng, recursions_max)
            if rng.random() < 0.1:
                pattern = os.path.join(os.fsdecode(scratch), pattern.lstrip("/"))
            elif pattern.startswith("/"):
                continue
            is_bytes = rng.random() < 0.4
            if is_bytes:
                pattern = os.fsencode(pattern)
            options = options_for(rng, scratch, directories, is_bytes)
            expected = outcome(standard.glob, pattern, options)
            for ours in (treenail.glob.glob, treenail.glob.iglob):
                found = outcome(ours, pattern, options)
                for _ in range(5):
                    if found == expected:
                        break
                    # A kernel short of memory looks a path up twice and counts its links twice: of
                    # a loop it then shows less.
                    expected = outcome(standard.glob, pattern, options)
                    found = outcome(ours, pattern, options)
                if found != expected:
                    differences.append(
                        f"seed {seed}: {ours.__name__}({pattern!r}, {options}) in {scratch!r}:\n"
                        f"{difference(expected, found)}"
                    )
            if "dir_fd" in options:
                os.close(options["dir_fd"])
            if treenail.glob.has_magic(pattern) != standard.has_magic(pattern):
                differences.append(f"has_magic({pattern!r})")
            if treenail.glob.escape(pattern) != standard.escape(pattern):
                differences.append(f"escape({pattern!r})")
            if sys.version_info >= (3, 13) and not is_bytes:
                differences.extend(compare_translate(rng, pattern))
            compared += 1
    finally:
        os.chdir(before)
        shutil.rmtree(outermost)
    return compared, differences


def compare_translate(rng: random.Random, pattern: str) -> list[str]:
    options: Options = {"recursive": rng.random() < 0.5, "include_hidden": rng.random() < 0.5}
    if rng.random() < 0.3:
        options["seps"] = rng.choice(["/", "/\\", ["/", "\\"], "-", ""])
    expected = getattr(standard, "translate")(pattern, **options)
    found = treenail.glob.translate(pattern, **options)
    if found == expected:
        return []
    return [f"translate({pattern!r}, {options}):\n  {expected}\n  {found}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, help="compare this seed only")
    arguments = parser.parse_args()
    # Sets within sets, which the expressions of some patterns seem to contain.
    warnings.simplefilter("ignore", FutureWarning)
    end = time.monotonic() + arguments.seconds
    seed = arguments.seed or 0
    compared = 0
    while True:
        count, differences = compare(seed, 200)
        compared += count
        for difference in differences:
            print(difference)
        if differences:
            return 1
        if arguments.seed is not None or time.monotonic() >= end:
            print(f"{compared} patterns in {seed + 1} trees, no difference")
            return 0
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
