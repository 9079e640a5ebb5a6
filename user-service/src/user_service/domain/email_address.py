"""One e-mail address in the form in which it is stored and looked up.

That form is ASCII, so that PostgreSQL's `lower` means the same in every locale and no two
look-alikes of one address can both be registered; every mail server takes it.
"""

from email_validator import EmailNotValidError, validate_email


def canonical_email(address: str) -> str:
    """The address as given, or with its international domain as A-labels (RFC 5890).

    Raises:
        ValueError: It is not one address of at most 254 characters (RFC 5321 §4.5.3.1.3), or its
            local part is not ASCII: we do not speak SMTPUTF8 (RFC 6531).
    """
    try:
        checked = validate_email(
            address,
            check_deliverability=False,
            allow_smtputf8=False,
            test_environment=True,  # `.test` (RFC 6761) is how one tries the system out
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    if address.isascii():
        return address
    assert checked.ascii_email is not None  # the local part is ASCII, and domains have A-labels
    return checked.ascii_email
