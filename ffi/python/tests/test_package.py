"""The package as it is installed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest


def test_the_licences_come_with_it() -> None:
    files = importlib.metadata.files("treenail") or []
    assert {file.name for file in files} >= {"LICENSE-APACHE", "LICENSE-MIT", "py.typed"}
    assert importlib.metadata.metadata("treenail")["License-Expression"] == "MIT OR Apache-2.0"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="they share what the others have")
def test_an_interpreter_in_an_interpreter_is_refused_with_a_reason() -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    script = f"""if True:
        import {module} as interpreters
        one = interpreters.create()
        try:
            print(interpreters.run_string(one, "import treenail"))
        except Exception as error:
            print(error)
    """
    ended = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert "does not support loading in subinterpreters" in ended.stdout
    assert ended.returncode == 0
