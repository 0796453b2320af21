"""CPython's own tests of glob, run on treenail.glob with the interpreter that runs this.

The tests are those that came with the interpreter; nothing of them is kept here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
import unittest

import treenail.glob


def main() -> int:
    if importlib.util.find_spec("test.test_glob") is None:
        print(f"{sys.executable} came without test.test_glob")
        return 3
    sys.modules["glob"] = treenail.glob
    test_glob = importlib.import_module("test.test_glob")

    assert test_glob.glob is treenail.glob
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        tests = unittest.defaultTestLoader.loadTestsFromModule(test_glob)
        result = unittest.TextTestRunner().run(tests)
        os.chdir("/")
    return 0 if result.wasSuccessful() and result.testsRun > 10 else 1


if __name__ == "__main__":
    sys.exit(main())
