import pytest

from contracts.language import canonical_language


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-CH-1996", "de-CH-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("en-US-u-CA-gregory", "en-US-u-ca-gregory"),
        ("de-x-internal", "de-x-internal"),
    ],
)
def test_brings_tags_into_the_usual_spelling(written: str, usual: str) -> None:
    assert canonical_language(written) == usual


@pytest.mark.parametrize(
    "tag",
    ["", "e", "en_US", "en-", "-en", "en--US", "en US", "en-latn-cyrl", "1a", "en\n", "ẽn"],
)
def test_refuses_what_is_no_tag(tag: str) -> None:
    with pytest.raises(ValueError, match="language tag"):
        canonical_language(tag)


def test_refuses_a_tag_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="35 characters"):
        canonical_language("en-x-" + "-".join(["abcdefgh"] * 4))
