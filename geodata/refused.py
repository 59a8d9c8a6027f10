"""What keeps files from being put in place."""


class Refused(Exception):
    """One line: what was found, what was expected."""
