"""find() and search(): what they are given, checked and handed to the native half."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypedDict, overload

from ._native import Query, Results, time_ns

if TYPE_CHECKING:
    from typing_extensions import Unpack

Time: TypeAlias = float | int | str | datetime
Root: TypeAlias = "str | os.PathLike[str]"
FileType: TypeAlias = Literal["f", "file", "d", "dir", "directory", "l", "link", "symlink"]

# What makes a glob more than a name; a backslash only where it separates nothing.
_SPECIAL = "*?[{\\" if os.sep == "/" else "*?[{"
_NS_MIN, _NS_MAX = -(2**63), 2**63 - 1


class SearchResult(NamedTuple):
    """A line in which search() found something."""

    path: str | Path
    """The file: a Path if search() was asked for paths."""
    line_number: int
    """Counted from 1."""
    line_text: str
    """The line without its end; bytes that are no UTF-8 are U+FFFD."""
    matches: tuple[tuple[int, int], ...]
    """Where the matches are: line_text[start:end] for each (start, end)."""


class Change(NamedTuple):
    """What find(watch=True) yields: a path that is in the answer, or is not any more."""

    kind: Literal["found", "added", "removed"]
    """``found`` if it was there at the beginning; ``added`` and ``removed`` as things change."""
    path: str | Path
    """A Path if find() was asked for paths."""


class Names(TypedDict, total=False):
    """What is asked of names and attributes; see find()."""

    file_type: FileType | None
    extension: str | Iterable[str] | None
    max_depth: int | None
    min_depth: int
    min_size: int | None
    max_size: int | None
    mtime_after: Time | None
    mtime_before: Time | None
    hidden: bool
    ignore_git: bool
    case_sensitive: bool | None
    follow_symlinks: bool
    threads: int | None


class Filters(Names, total=False):
    """What is asked of files; see find()."""

    content: str | None


@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: Literal[False] = False,
    as_list: Literal[False] = False,
    watch: Literal[False] = False,
    **filters: Unpack[Filters],
) -> Results[str]: ...
@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: Literal[True],
    as_list: Literal[False] = False,
    watch: Literal[False] = False,
    **filters: Unpack[Filters],
) -> Results[Path]: ...
@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: Literal[False] = False,
    as_list: Literal[True],
    watch: Literal[False] = False,
    **filters: Unpack[Filters],
) -> list[str]: ...
@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: Literal[True],
    as_list: Literal[True],
    watch: Literal[False] = False,
    **filters: Unpack[Filters],
) -> list[Path]: ...
@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: bool = False,
    as_list: Literal[False] = False,
    watch: Literal[True],
    **filters: Unpack[Names],
) -> Results[Change]: ...
@overload
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    as_path: bool = False,
    as_list: bool = False,
    watch: bool = False,
    **filters: Unpack[Filters],
) -> Results[str] | Results[Path] | Results[Change] | list[str] | list[Path]: ...
def find(
    pattern: str = "*",
    root: Root = ".",
    *,
    content: str | None = None,
    file_type: str | None = None,
    extension: str | Iterable[str] | None = None,
    max_depth: int | None = None,
    min_depth: int = 0,
    min_size: int | None = None,
    max_size: int | None = None,
    mtime_after: Time | None = None,
    mtime_before: Time | None = None,
    hidden: bool = False,
    ignore_git: bool = False,
    case_sensitive: bool | None = None,
    follow_symlinks: bool = False,
    threads: int | None = None,
    as_path: bool = False,
    as_list: bool = False,
    watch: bool = False,
) -> Any:
    """Find files and directories below root, as an iterator while the search goes on.

    The pattern is a glob: without a slash for names at any depth, with one for paths below root;
    ``**`` stands for any directories, ``{a,b}`` for alternatives. An absolute pattern is looked for
    where it says. Where root is ``.``, results are relative to it, else they begin with it.

    content: a regular expression; only files with a line that it matches are found.
    file_type: ``f`` for files, ``d`` for directories, ``l`` for symbolic links.
    extension: one or several, with or without their dot.
    max_depth, min_depth: what stands directly in root has depth 1.
    min_size, max_size: in bytes; only files have a size.
    mtime_after, mtime_before: seconds since 1970, a datetime, a date as ISO 8601 has it, or how
        long ago, such as ``2 days``.
    hidden: whether names that begin with a dot are found, and entered.
    ignore_git: whether what .gitignore and .ignore files name is found, too.
    case_sensitive: None means only for patterns with a capital letter.
    follow_symlinks: whether links are followed, into each directory once.
    threads: how many may work; None means as many as the machine runs at once.
    as_path: whether results are pathlib.Path objects.
    as_list: whether to return a list of everything that is found.
    watch: whether to go on when all is found, and tell what comes and goes. The results are Change
        objects then: those that were there are ``found``, later ones ``added``, and what is gone,
        or is not looked for any more, ``removed``. Nothing is missed in between, however slowly
        they are read; what came and went again before it was read may not be told. It goes on
        until close() is called, or root is gone, which raises SearchError. Not together with
        content and as_list; links are not followed.

    Raises PatternError for a malformed pattern and SearchError if there is no root. What cannot be
    read further down is left out and noted in the iterator's ``errors``.
    """
    if watch and (as_list or content is not None):
        if as_list:
            raise ValueError("as_list and watch exclude each other: a watch has no end")
        raise ValueError("content and watch exclude each other; search() the paths that it tells")
    query = _query(
        pattern,
        root,
        content=content,
        file_type=file_type,
        extension=extension,
        max_depth=max_depth,
        min_depth=min_depth,
        min_size=min_size,
        max_size=max_size,
        mtime_after=mtime_after,
        mtime_before=mtime_before,
        hidden=hidden,
        ignore_git=ignore_git,
        case_sensitive=case_sensitive,
        follow_symlinks=follow_symlinks,
        threads=threads,
        stays=bool(watch),
    )
    path_class = Path if as_path else None
    if watch:
        return query.watch(path_class, Change)
    return query.list(path_class, None) if as_list else query.results(path_class, None)


@overload
def search(
    content_regex: str,
    pattern: str = "*",
    root: Root = ".",
    *,
    as_list: Literal[False] = False,
    as_path: bool = False,
    **kwargs: Unpack[Names],
) -> Results[SearchResult]: ...
@overload
def search(
    content_regex: str,
    pattern: str = "*",
    root: Root = ".",
    *,
    as_list: Literal[True],
    as_path: bool = False,
    **kwargs: Unpack[Names],
) -> list[SearchResult]: ...
@overload
def search(
    content_regex: str,
    pattern: str = "*",
    root: Root = ".",
    *,
    as_list: bool = False,
    as_path: bool = False,
    **kwargs: Unpack[Names],
) -> Results[SearchResult] | list[SearchResult]: ...
def search(
    content_regex: str,
    pattern: str = "*",
    root: Root = ".",
    *,
    as_list: bool = False,
    as_path: bool = False,
    **kwargs: Any,
) -> Any:
    """Search for lines that a regular expression matches, in the files that find() would find.

    Yields a SearchResult for each line. Takes the arguments of find() but content and watch;
    case_sensitive is for both patterns. Binary files are left.
    """
    if "content" in kwargs:
        raise TypeError("search() takes the regular expression as content_regex, not as content")
    query = _query(pattern, root, content=_text("content_regex", content_regex), **kwargs)
    path_class = Path if as_path else None
    if as_list:
        return query.list(path_class, SearchResult)
    return query.results(path_class, SearchResult)


def _query(
    pattern: str,
    root: Root,
    *,
    content: str | None = None,
    file_type: str | None = None,
    extension: str | Iterable[str] | None = None,
    max_depth: int | None = None,
    min_depth: int = 0,
    min_size: int | None = None,
    max_size: int | None = None,
    mtime_after: Time | None = None,
    mtime_before: Time | None = None,
    hidden: bool = False,
    ignore_git: bool = False,
    case_sensitive: bool | None = None,
    follow_symlinks: bool = False,
    threads: int | None = None,
    stays: bool = False,
) -> Query:
    """Check all arguments. If it stays, a later working directory is of no account."""
    pattern = _text("pattern", pattern)
    root = os.fspath(root)
    is_path = os.path.isabs(pattern)
    if is_path:
        root, pattern = _split(pattern)
    if extension is None:
        extension = ()
    elif isinstance(extension, str):
        extension = (extension,)
    shown = "" if root == os.curdir else root
    if stays:
        root = os.path.join(os.getcwd(), root)
    return Query(
        os.fsencode(pattern),
        os.fsencode(root),
        os.fsencode(shown),
        is_path=is_path,
        content=content,
        types=file_type,
        extensions=[os.fsencode(_text("extension", one)) for one in extension],
        depth=(_count("min_depth", min_depth) or 0, _count("max_depth", max_depth)),
        size=(_count("min_size", min_size), _count("max_size", max_size)),
        mtime_ns=(_time("mtime_after", mtime_after), _time("mtime_before", mtime_before)),
        hidden=bool(hidden),
        ignore_git=bool(ignore_git),
        case_sensitive=None if case_sensitive is None else bool(case_sensitive),
        follow_symlinks=bool(follow_symlinks),
        threads=_count("threads", threads) or 0,
    )


def _split(pattern: str) -> tuple[str, str]:
    """Split an absolute pattern into the directory that it names plainly, and the rest."""
    root, rest = os.path.split(pattern)
    while any(one in root for one in _SPECIAL):
        root, name = os.path.split(root)
        rest = f"{name}/{rest}"
    return root, rest or "*"


def _text(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def _count(name: str, value: int | None) -> int | None:
    if value is not None and value < 0:
        raise ValueError(f"{name} must not be negative; it is {value}")
    return value


def _time(name: str, value: Time | None) -> int | None:
    """Return nanoseconds since 1970."""
    if value is None:
        return None
    if isinstance(value, datetime):
        value = value.timestamp()
    if isinstance(value, str):
        # How long ago is also written with a sign or a word.
        text = value.strip().removesuffix("ago")
        found = time_ns(text[1:] if text.startswith("-") else text)
        if found is None:
            raise ValueError(
                f"{name}: {value!r} is no time; write '2 days', '2026-03-01', "
                "'2026-03-01T12:00:00Z', or pass seconds since 1970 or a datetime"
            )
        return found
    nanoseconds = value * 10**9 if isinstance(value, int) else round(value * 1e9)
    return min(max(nanoseconds, _NS_MIN), _NS_MAX)
