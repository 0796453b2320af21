"""Finding files and searching in them, fast.

``treenail.glob`` has the functions of the standard library's ``glob`` and their meaning.
"""

from . import glob

__all__ = ["glob"]
