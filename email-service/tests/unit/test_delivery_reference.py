import string
from uuid import UUID

import pytest
from email_deliveries import DELIVERY_ID
from hypothesis import given
from hypothesis import strategies as st

from contracts.notification import NotificationType
from contracts.suppression import address_digest
from email_service.domain.delivery_reference import (
    MAXIMUM_CHARACTERS,
    DeliveryReference,
    ReferenceSeal,
)

KEY = b"0123456789abcdef0123456789abcdef"
SEAL = ReferenceSeal(KEY)
REFERENCE = DeliveryReference(DELIVERY_ID, "notif_" + "a" * 32, 0, 1)
JANE = "jane@example.com"


def sealed(reference: DeliveryReference = REFERENCE, address: str = JANE) -> str:
    text = SEAL.seal(reference, address)
    assert text is not None
    return text


def test_a_reference_comes_back_as_it_went_out() -> None:
    verified = SEAL.verify(sealed(), ["somebody@example.com", JANE])
    assert verified is not None
    assert verified.reference == REFERENCE
    assert verified.address_digest == address_digest(KEY, NotificationType.EMAIL, JANE)


@given(
    st.uuids(),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(0, 9999),
    st.integers(1, 9999),
)
def test_what_an_envelope_takes_is_enough_for_every_delivery(
    delivery_id: UUID, notification: str, generation: int, attempt: int
) -> None:
    reference = DeliveryReference(delivery_id, f"notif_{notification}", generation, attempt)
    text = sealed(reference)
    assert len(text) <= MAXIMUM_CHARACTERS
    assert set(text) <= set(string.ascii_letters + string.digits + "-_.")
    verified = SEAL.verify(text, [JANE])
    assert verified is not None
    assert verified.reference == reference


def test_the_case_of_an_address_does_not_matter() -> None:
    assert SEAL.verify(sealed(address="Jane@Example.com"), ["jane@EXAMPLE.com"])


def test_a_reference_says_nothing_about_another_address() -> None:
    assert SEAL.verify(sealed(), ["victim@example.com"]) is None
    assert SEAL.verify(sealed(), []) is None


def test_another_key_does_not_recognise_it() -> None:
    assert ReferenceSeal(b"f" * 32).verify(sealed(), [JANE]) is None


@pytest.mark.parametrize(
    "other",
    [
        DeliveryReference(UUID(int=5), REFERENCE.notification_id, 0, 1),
        DeliveryReference(DELIVERY_ID, "notif_" + "b" * 32, 0, 1),
        DeliveryReference(DELIVERY_ID, REFERENCE.notification_id, 1, 1),
        DeliveryReference(DELIVERY_ID, REFERENCE.notification_id, 0, 2),
    ],
)
def test_no_part_of_it_can_be_exchanged(other: DeliveryReference) -> None:
    forged = sealed(other).rpartition(".")[0] + "." + sealed().rpartition(".")[2]
    assert SEAL.verify(forged, [JANE]) is None


@given(st.data())
def test_no_single_character_of_it_can_be_changed(data: st.DataObject) -> None:
    text = sealed()
    at = data.draw(st.integers(0, len(text) - 1))
    by = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda each: each != text[at]))
    verified = SEAL.verify(text[:at] + by + text[at + 1 :], [JANE])
    # The last character of 22 has bits to spare, which must not make a second valid tag
    assert verified is None


@given(st.text())
def test_whatever_comes_back_is_read_without_an_error(text: str) -> None:
    assert SEAL.verify(text, [JANE]) is None


@pytest.mark.parametrize("notification_id", ["", "a b", "ntf.1", "é", "x" * 61, "a+b", "n" * 55])
def test_an_id_that_no_envelope_can_carry_has_no_reference(notification_id: str) -> None:
    assert SEAL.seal(DeliveryReference(DELIVERY_ID, notification_id, 0, 1), JANE) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ReferenceSeal(b"short")
