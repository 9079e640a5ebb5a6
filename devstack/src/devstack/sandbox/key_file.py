"""What goes wrong with the sandbox's key files."""


class KeyFileError(Exception):
    """A key file cannot be used; the message says which and what to do."""
