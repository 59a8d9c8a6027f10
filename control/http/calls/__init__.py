"""The calls of the API: read the request, do the one thing, answer."""
