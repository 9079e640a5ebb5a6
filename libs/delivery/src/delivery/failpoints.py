"""The named steps of a delivery at which a worker can be told to die."""

from enum import StrEnum

from servicekit.failpoints import Failpoints as AnyFailpoints


class Failpoint(StrEnum):
    """The steps of a delivery, in their order."""

    BEFORE_SEND = "before_send"
    """Claimed and rendered."""
    AFTER_PROVIDER_ACCEPT = "after_provider_accept"
    """The provider said yes, and nobody else knows."""
    AFTER_OUTCOME = "after_outcome"
    """The claim is settled; nothing is published."""
    AFTER_PUBLISH = "after_publish"
    """What follows from the settlement is published."""
    BEFORE_ACK = "before_ack"
    """All is done but the acknowledgement."""


Failpoints = AnyFailpoints[Failpoint]
