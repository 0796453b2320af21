"""What the tests share: a small tree, and the working directory in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of nine entries, two of them hidden."""
    for name in ["a.py", "B.py", "sub/c.py", "sub/deep/d.txt", ".hidden/e.py"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"first\nTODO in {name}\n")
    (tmp_path / "link").symlink_to("sub")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 400 directories with 50 files each, of links to one file: quickly made."""
    top = tmp_path_factory.mktemp("large")
    (top / "file").write_text("needle\n" + "hay\n" * 500)
    for outer in range(20):
        for inner in range(20):
            directory = top / f"o{outer}" / f"i{inner}"
            directory.mkdir(parents=True)
            for file in range(50):
                os.link(top / "file", directory / f"f{file}.txt")
    return top
