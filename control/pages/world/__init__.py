"""The map of the world that reports colour, and the names of its countries."""
