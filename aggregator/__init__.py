"""Moves clicks from the streams into ClickHouse, each exactly once."""
