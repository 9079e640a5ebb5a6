"""The errors an operator sees: each message is a sentence on what happened and what to do."""


class DevstackError(Exception):
    """Something the person at the terminal has to know; printed without a traceback."""


class MissingProgramError(DevstackError):
    """A server is not installed, or too old, and could not be installed from here."""


class HomeInUseError(DevstackError):
    """Another devstack is running on the same home folder."""


class ServerStartError(DevstackError):
    """A private server ended, or stayed silent, while it was starting."""
