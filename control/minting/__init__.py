"""From the lines of contacts to links that are durable."""
