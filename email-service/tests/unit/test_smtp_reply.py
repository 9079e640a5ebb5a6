import pytest

from email_service.adapters.smtp_reply import enhanced_code, queue_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0.0 Ok: queued as 4F1Z2X3Y", "4F1Z2X3Y"),
        ("OK id=1tDabc-0000AB-1x", "1tDabc-0000AB-1x"),
        ("2.0.0 4AKC0123 Message accepted for delivery", "4AKC0123"),
        ("Ok 0102019347e5a1b2-7c3d-4e5f-000000", "0102019347e5a1b2-7c3d-4e5f-000000"),
        ("2.0.0 OK  1732100000 a1b2c3.45 - gsmtp", "a1b2c3.45"),
        ("Ok", None),
        ("2.0.0 Thank you", None),
    ],
)
def test_finds_the_queue_id_of_known_servers(text: str, expected: str | None) -> None:
    assert queue_id(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.1.1 <x>: unknown", "5.1.1"),
        ("4.7.999", "4.7.999"),
        ("5.1.1\n5.1.1 second line", "5.1.1"),
        ("10.0.0.1 is blocked", None),
        ("5.1.1.1 is blocked", None),
        ("version 5.1.1", None),
        ("", None),
    ],
)
def test_reads_an_enhanced_code_only_at_the_start(text: str, expected: str | None) -> None:
    assert enhanced_code(text) == expected
