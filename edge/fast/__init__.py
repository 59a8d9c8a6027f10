"""The way past ASGI for plain taps. It is optional: with TAPTRAIL_FAST_PATH=off the edge works without this folder.

A tap costs 15-17 us of a core as an ASGI request and under 6 us here (docs/decisions/0001), about a third.

- `parse.py` reads a plain tap in one pass;
- `shortcut.py` has it answered, as the shortcut of the port's guard (`runtime/guard/`), which bounds what a client may
  send, on this way as on the other, and gives everything that is not plain to uvicorn;
- `answer.py` makes the bytes of the answer.

Of uvicorn nothing is used here; runtime/guard/ lists what the guard uses.
"""
