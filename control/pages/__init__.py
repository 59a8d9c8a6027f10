"""Pages for a person in a browser: reports first. They read what the API reads, as the same caller."""
