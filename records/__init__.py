"""What crosses a process boundary: frozen records, their encodings, and the names they are kept under."""
