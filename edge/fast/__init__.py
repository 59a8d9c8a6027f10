"""The way past ASGI for plain taps."""
