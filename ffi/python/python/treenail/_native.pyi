from collections.abc import AsyncIterator, Callable, Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, AnyStr, Generic, SupportsIndex, TypeVar, final

from ._errors import SearchError

T_co = TypeVar("T_co", covariant=True)

def glob(
    pathname: AnyStr | PathLike[AnyStr],
    *,
    root_dir: AnyStr | PathLike[AnyStr] | None = None,
    dir_fd: SupportsIndex | None = None,
    recursive: bool = False,
    include_hidden: bool = False,
) -> list[AnyStr]: ...
def iglob(
    pathname: AnyStr | PathLike[AnyStr],
    *,
    root_dir: AnyStr | PathLike[AnyStr] | None = None,
    dir_fd: SupportsIndex | None = None,
    recursive: bool = False,
    include_hidden: bool = False,
) -> Iterator[AnyStr]: ...
def time_ns(text: str) -> int | None: ...
@final
class Results(Generic[T_co]):
    def __iter__(self) -> Results[T_co]: ...
    def __next__(self) -> T_co: ...
    def __aiter__(self) -> AsyncIterator[T_co]: ...
    def __enter__(self) -> Results[T_co]: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def close(self) -> None: ...
    @property
    def errors(self) -> list[SearchError]: ...
    @property
    def complete(self) -> bool: ...
    def _batch(self, wake: Callable[[], object]) -> list[T_co] | None: ...

@final
class Query:
    def __init__(
        self,
        pattern: bytes,
        root: bytes,
        shown: bytes,
        *,
        is_path: bool,
        content: str | None,
        types: str | None,
        extensions: list[bytes],
        depth: tuple[int, int | None],
        size: tuple[int | None, int | None],
        mtime_ns: tuple[int | None, int | None],
        hidden: bool,
        ignore_git: bool,
        case_sensitive: bool | None,
        follow_symlinks: bool,
        threads: int,
    ) -> None: ...
    def results(
        self, path_class: type[Path] | None, line_class: type[tuple[Any, ...]] | None
    ) -> Any: ...
    def list(
        self, path_class: type[Path] | None, line_class: type[tuple[Any, ...]] | None
    ) -> Any: ...
    def watch(self, path_class: type[Path] | None, change_class: type[tuple[Any, ...]]) -> Any: ...
