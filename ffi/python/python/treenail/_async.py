"""Results for ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from ._native import Results

T = TypeVar("T")


async def iterate(results: Results[T]) -> AsyncIterator[T]:
    """Yield the results, which a thread of the event loop's executor waits for."""
    loop = asyncio.get_running_loop()
    try:
        while batch := await loop.run_in_executor(None, results._batch):
            for result in batch:
                yield result
    finally:
        results.close()
