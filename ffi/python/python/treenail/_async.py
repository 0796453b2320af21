"""Results for ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import TypeVar

from ._native import Results

T = TypeVar("T")


async def iterate(results: Results[T]) -> AsyncIterator[T]:
    """Yield the results; whoever finds some wakes the event loop."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            woken = loop.create_future()
            batch = results._batch(partial(loop.call_soon_threadsafe, _wake, woken))
            if batch is None:
                await woken
                continue
            if not batch:
                return
            for result in batch:
                yield result
            # However fast they come, other tasks have their turn.
            await asyncio.sleep(0)
    finally:
        results.close()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
