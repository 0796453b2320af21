"""Finding files, and searching in them, fast.

- find(): files and directories by name, type, size, time and ignore rules
- search(): lines in files
- treenail.glob: the functions of the standard library's glob, and their meaning

Both functions return an iterator that is filled while it is read, also by ``async for``.
"""

from . import glob
from ._errors import PatternError, SearchError, TraversalNotSupportedError, TreenailError
from ._find import SearchResult, find, search
from ._native import Results

__all__ = [
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
