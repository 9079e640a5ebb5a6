import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from email_service.adapters.email_address import EmailAddressError, parse_email_address


@pytest.mark.parametrize(
    ("text", "ascii_domain_form"),
    [
        ("jane@example.com", "jane@example.com"),
        ("o'hara+news@sub.example.co.uk", "o'hara+news@sub.example.co.uk"),
        ("jane@localhost", "jane@localhost"),
        ("jane@Bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@straße.example", "jane@xn--strae-oqa.example"),
        ("用户@例え.jp", "用户@xn--r8jz45g.jp"),
    ],
)
def test_takes_addresses_and_gives_the_domain_in_ascii(text: str, ascii_domain_form: str) -> None:
    assert str(parse_email_address(text)) == ascii_domain_form


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "@example.com",
        "jane@",
        "jane doe@example.com",
        "a@b@example.com",
        "jane@exam ple.com",
        "jane@-example.com",
        "jane@example..com",
        "jane@[127.0.0.1]",
        '"jane"@example.com',
        "<jane@example.com>",
        "jane@example.com,joe@example.com",
        "jane(joe)@example.com",
        "jane@example.com\r\nBcc: joe@example.com",
        "jane\u2028@example.com",
        "jane\x00@example.com",
        "\ud800@example.com",
        "=?utf-8?q?joe=40example.org=2C?=@example.com",
        "jane=?x@example.com",
        f"{'a' * 65}@example.com",
        f"jane@{'a' * 64}.com",
        f"jane@{'.'.join(['a' * 60] * 5)}",
    ],
)
def test_refuses_what_is_not_one_plain_address(text: str) -> None:
    with pytest.raises(EmailAddressError):
        parse_email_address(text)


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert parse_email_address("jörg@example.com").needs_smtputf8
    assert not parse_email_address("joerg@bücher.example").needs_smtputf8


@given(st.text(max_size=40) | st.emails())
@example("a@b\n")
def test_an_address_never_holds_what_separates_or_ends(text: str) -> None:
    try:
        address = str(parse_email_address(text))
    except EmailAddressError:
        return
    assert not set(address) & set(' \t\r\n,;:<>()[]"\\\x00')
    assert address.count("@") == 1
