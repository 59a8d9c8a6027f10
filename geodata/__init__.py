"""Fetches free geo files for the aggregators, for `make geo`; none are shipped. See docs/geo.md."""
