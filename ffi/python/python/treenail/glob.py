"""The standard library's ``glob``, faster.

The functions, their arguments and their results are those of Python 3.13, in every version of
Python; where 3.13 changed what a pattern finds (``**`` below something that is no directory), the
results are those of the running version. Two things are added: a pattern may be any path-like
object, and for ``**`` a large tree is read by several threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import AnyStr

if sys.platform != "win32":
    from ._native import glob, iglob
else:
    # What a drive, a case or a separator is there, the standard library knows.
    from glob import glob, iglob

__all__ = ["glob", "iglob", "escape", "translate"]

_MAGIC = "*?["


def has_magic(s: str | bytes) -> bool:
    """Whether the pattern has a wildcard in it."""
    if isinstance(s, bytes):
        return any(byte in s for byte in _MAGIC.encode())
    if not isinstance(s, str):
        raise TypeError("expected string or bytes-like object, got " + repr(type(s).__name__))
    return any(character in s for character in _MAGIC)


def escape(pathname: AnyStr) -> AnyStr:
    """Return a pattern that matches the path and nothing else."""
    drive, rest = os.path.splitdrive(pathname)
    if isinstance(rest, bytes):
        return drive + b"".join(
            b"[%c]" % byte if byte in _MAGIC.encode() else b"%c" % byte for byte in rest
        )
    return drive + "".join(f"[{one}]" if one in _MAGIC else one for one in rest)


def translate(
    pat: str,
    *,
    recursive: bool = False,
    include_hidden: bool = False,
    seps: Sequence[str] | None = None,
) -> str:
    """Return a regular expression for the paths that the pattern matches.

    If recursive is true, the segment '**' matches any number of segments. If include_hidden is
    true, wildcards match a dot at the start of a name. Paths are taken apart at any of the
    characters in seps, by default those of the system.
    """
    from ._translate import translate as translate_pattern

    return translate_pattern(pat, recursive, include_hidden, seps)


def glob0(dirname: AnyStr, pattern: AnyStr) -> list[AnyStr]:
    """Return [pattern] if the directory has an entry of that name, else []. Deprecated."""
    _warn("glob0")
    if not pattern:
        return [pattern] if os.path.isdir(dirname) else []
    return [pattern] if os.path.lexists(os.path.join(dirname, pattern)) else []


def glob1(dirname: AnyStr, pattern: AnyStr) -> list[AnyStr]:
    """Return the names in the directory that match the pattern. Deprecated."""
    _warn("glob1")
    import fnmatch

    try:
        names = os.listdir(dirname or os.curdir)
    except OSError:
        return []
    if isinstance(dirname, bytes):
        names = [os.fsencode(name) for name in names]
    if not _is_hidden(pattern):
        names = [name for name in names if not _is_hidden(name)]
    return fnmatch.filter(names, pattern)


def _is_hidden(name: str | bytes) -> bool:
    return name[:1] in (".", b".")


def _warn(name: str) -> None:
    if sys.version_info < (3, 13):
        return
    import warnings

    warnings.warn(
        f"'glob.{name}' is deprecated and will be removed in Python 3.15. Use "
        "glob.glob and pass a directory to its root_dir argument instead.",
        DeprecationWarning,
        stacklevel=3,
    )
