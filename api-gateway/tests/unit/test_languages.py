import pytest

from api_gateway.domain.languages import choose_language


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        (["en"], ["en"], "en"),
        (["pt-BR"], ["pt"], "pt"),
        (["zh-Hant-TW", "en"], ["en", "zh-Hant"], "zh-Hant"),
        (["pt-BR", "en"], ["en", "pt"], "pt"),
        (["pt"], ["pt-BR"], None),
        (["EN-us"], ["en-US"], "en-US"),
        (["en-us"], ["EN"], "EN"),
        ([None, "fr"], ["fr"], "fr"),
        ([None, ""], ["fr"], None),
        ([], ["fr"], None),
        (["fr"], [], None),
    ],
)
def test_looks_a_language_up_as_rfc_4647_does(
    wanted: list[str | None], available: list[str], expected: str | None
) -> None:
    assert choose_language(wanted, available) == expected
