"""Finding files, and searching in them, fast.

- find(): files and directories by name, type, size, time and ignore rules
- search(): lines in files
- treenail.glob: the functions of the standard library's glob, and their meaning

Both functions return an iterator that is filled while it is read, also by ``async for``; that of
find(watch=True) goes on with what changes.
"""

from . import glob
from ._errors import PatternError, SearchError, TraversalNotSupportedError, TreenailError
from ._find import Change, SearchResult, find, search
from ._native import Results

__all__ = [
    "Change",
    "PatternError",
    "Results",
    "SearchError",
    "SearchResult",
    "TraversalNotSupportedError",
    "TreenailError",
    "find",
    "glob",
    "search",
]
