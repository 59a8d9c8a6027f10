"""The redirector: answers taps and keeps a record of each."""
