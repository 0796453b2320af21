"""What find() and search() raise."""

from __future__ import annotations


class TreenailError(Exception):
    """Base of all errors of this package."""


class PatternError(TreenailError, ValueError):
    """A glob or a regular expression is malformed.

    ``position`` is the index of the character at which it goes wrong, or None where no single one
    can be named.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message, position)
        self.position = position

    def __str__(self) -> str:
        return str(self.args[0])


class SearchError(TreenailError, OSError):
    """Something cannot be read; errno, strerror and filename say what and why."""


class TraversalNotSupportedError(TreenailError, NotImplementedError):
    """A walk cannot go on where it is asked to: in a process forked from the one it began in."""
