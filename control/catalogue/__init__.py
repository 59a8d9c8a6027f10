"""Domains, broadcasts and shared links: what is sent, from where to where."""
