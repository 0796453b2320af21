"""Patterns as regular expressions, for ``treenail.glob.translate``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence

# Python 3.14 writes the end of the text as other languages do.
_END = r"\z" if sys.version_info >= (3, 14) else r"\Z"


def translate(
    pattern: str, recursive: bool, include_hidden: bool, separators: Sequence[str] | None
) -> str:
    """Return the expression for whole paths that match."""
    if not separators:
        separators = [one for one in (os.path.sep, os.path.altsep) if one]
    escaped = "".join(map(re.escape, separators))
    separator = f"[{escaped}]" if len(separators) > 1 else escaped
    other = f"[^{escaped}]"
    name = f"{other}+" if include_hidden else f"[^{escaped}.]{other}*"
    directories = f"(?:.+{separator})?" if include_hidden else f"(?:{name}{separator})*"
    below = ".*" if include_hidden else f"{directories}(?:{name})?"

    segments = re.split(separator, pattern)
    expression = []
    for index, segment in enumerate(segments):
        is_last = index + 1 == len(segments)
        if recursive and segment == "**":
            if is_last:
                expression.append(below)
            elif segments[index + 1] != "**":
                expression.append(directories)
            continue
        if segment == "*":
            expression.append(name)
        else:
            if not include_hidden and segment[:1] in ("*", "?") and segment:
                expression.append(r"(?!\.)")
            expression.extend(_segment(segment, other))
        if not is_last:
            expression.append(separator)
    return f"(?s:{''.join(expression)}){_END}"


def _segment(segment: str, character: str) -> Iterator[str]:
    """Yield the expression for one segment, in which a wildcard stands for such characters."""
    at = 0
    while at < len(segment):
        one = segment[at]
        at += 1
        if one == "*":
            if not segment.startswith("*", at):
                yield f"{character}*"
        elif one == "?":
            yield character
        elif one == "[" and (end := _closing(segment, at)) is not None:
            yield _set(segment[at:end])
            at = end + 1
        else:
            yield re.escape(one)


def _closing(segment: str, start: int) -> int | None:
    """Return where the bracket closes that was opened before start."""
    start += segment.startswith("!", start)
    start += segment.startswith("]", start)
    end = segment.find("]", start)
    return None if end < 0 else end


def _set(inside: str) -> str:
    """Return the expression for what stands between brackets."""
    if "-" in inside:
        ranges = "-".join(
            piece.replace("\\", r"\\").replace("-", r"\-") for piece in _pieces(inside)
        )
    else:
        ranges = inside.replace("\\", r"\\")
    ranges = re.sub(r"([&~|])", r"\\\1", ranges)
    if not ranges:
        return "(?!)"
    if ranges == "!":
        return "."
    if ranges[0] == "!":
        ranges = "^" + ranges[1:]
    elif ranges[0] in "^[":
        ranges = "\\" + ranges
    return f"[{ranges}]"


def _pieces(inside: str) -> list[str]:
    """Split at the hyphens that make ranges, leaving out ranges whose ends are reversed."""
    pieces = []
    start = 0
    hyphen = inside.find("-", 2 if inside[0] == "!" else 1)
    while hyphen >= 0:
        pieces.append(inside[start:hyphen])
        start = hyphen + 1
        hyphen = inside.find("-", hyphen + 3)
    if start < len(inside) or not pieces:
        pieces.append(inside[start:])
    else:
        pieces[-1] += "-"
    for right in range(len(pieces) - 1, 0, -1):
        if pieces[right - 1][-1] > pieces[right][0]:
            pieces[right - 1] = pieces[right - 1][:-1] + pieces.pop(right)[1:]
    return pieces
