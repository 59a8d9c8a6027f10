"""Whether a task was told to end."""

import asyncio


def is_cancelled() -> bool:
    """Whether the running task was told to end and goes on all the same.

    Before Python 3.12 asyncio.wait_for swallows a cancellation that arrives as it ends, and redis-py sends each command
    through it. Loops that ask Redis look here, else a process that stops at such a moment waits for them for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
