"""What became of a broadcast."""
