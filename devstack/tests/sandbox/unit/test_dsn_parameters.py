"""What clients may ask for by RFC 3461, and what they may not."""

import re

import pytest

from devstack.sandbox.inbox.dsn_parameters import (
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    DsnSyntaxError,
    take_parameters,
)


def test_takes_the_parameters_out_and_leaves_the_others() -> None:
    rest, found = take_parameters(
        "FROM:<a@b.test> SIZE=12 RET=HDRS ENVID=Ab+2Bc SMTPUTF8", MAIL_PARAMETERS
    )
    assert rest == "FROM:<a@b.test> SIZE=12 SMTPUTF8"
    assert found == {"ret": "HDRS", "envid": "Ab+c"}


def test_takes_the_parameters_of_a_recipient() -> None:
    rest, found = take_parameters(
        "TO:<a@b.test> notify=FAILURE,DELAY orcpt=rfc822;a+2Bx@b.test", RCPT_PARAMETERS
    )
    assert rest == "TO:<a@b.test>"
    assert found == {"notify": "FAILURE,DELAY", "orcpt": "rfc822;a+x@b.test"}


@pytest.mark.parametrize(
    ("parameter", "allowed", "name"),
    [
        ("RET=ALL", MAIL_PARAMETERS, "RET"),
        ("RET=FULL RET=FULL", MAIL_PARAMETERS, "RET"),
        ("ENVID=", MAIL_PARAMETERS, "ENVID"),
        ("ENVID=a=b", MAIL_PARAMETERS, "ENVID"),
        ("ENVID=a+b", MAIL_PARAMETERS, "ENVID"),
        ("ENVID=" + "x" * 101, MAIL_PARAMETERS, "ENVID"),
        ("NOTIFY=NEVER,DELAY", RCPT_PARAMETERS, "NOTIFY"),
        ("ORCPT=a@b.test", RCPT_PARAMETERS, "ORCPT"),
    ],
)
def test_refuses_what_the_standard_does_not_allow(
    parameter: str, allowed: dict[str, re.Pattern[str]], name: str
) -> None:
    with pytest.raises(DsnSyntaxError, match=f"^{name}$"):
        take_parameters(f"FROM:<a@b.test> {parameter}", allowed)
