from collections.abc import Iterator
from os import PathLike
from typing import AnyStr, SupportsIndex

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
