"""Filters and selections in requests: what is wrong is refused by the name of its field."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from api_gateway.api.dead_letter_selection import (
    MAX_IDS,
    DeadLetterQuery,
    DeadLetterSelection,
    ListedState,
)
from api_gateway.domain.dead_letter import LetterFilter, LetterState, Selection
from contracts.notification import NotificationType
from servicekit.errors import UnprocessableContentError


def test_without_filters_a_list_shows_the_open_ones() -> None:
    query = DeadLetterQuery()
    assert (query.to_filter(), query.to_state()) == (LetterFilter(), LetterState.OPEN)
    assert (query.to_page().offset, query.to_page().limit) == (0, 10)
    assert DeadLetterQuery(state=ListedState.ALL).to_state() is None


def test_every_filter_arrives() -> None:
    query = DeadLetterQuery.model_validate(
        {
            "notification_type": "push",
            "reason": "poison",
            "template_code": "welcome_email",
            "received_from": "2026-11-01T02:00:00+02:00",
            "received_to": "2026-11-02T00:00:00Z",
            "state": "replayed",
        }
    )
    assert query.to_filter() == LetterFilter(
        NotificationType.PUSH,
        "poison",
        "welcome_email",
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 2, tzinfo=UTC),
    )
    assert query.to_state() is LetterState.REPLAYED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channel", "email"),
        ("notification_type", "fax"),
        ("reason", ""),
        ("reason", "r" * 101),
        ("reason", "a\0b"),
        ("template_code", "UPPER CASE"),
        ("received_from", "yesterday"),
        ("received_from", "1893456000"),
        ("received_from", "2026-11-01T00:00:00"),
        ("received_to", "0001-01-01T00:00:00+05:00"),
        ("state", "closed"),
        ("page", "0"),
        ("limit", "101"),
    ],
)
def test_a_list_names_the_parameter_that_is_wrong(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DeadLetterQuery.model_validate({field: value})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize("end", ["2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z"])
def test_a_time_span_that_holds_nothing_is_refused(end: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DeadLetterQuery.model_validate(
            {"received_from": "2026-11-01T00:00:00Z", "received_to": end}
        )
    assert [error["loc"] for error in caught.value.errors()] == [("received_to",)]


def test_each_kind_of_selection_arrives() -> None:
    one, other = uuid4(), uuid4()
    ids = [str(one), str(other), str(one)]
    assert chosen({"ids": ids}) == Selection(ids=(one, other))
    assert chosen({"all": True, "dry_run": True}) == Selection()
    assert chosen({"filter": {"reason": "poison"}}) == Selection(
        filter=LetterFilter(reason="poison")
    )


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["ids"]),
        ({"dry_run": True}, ["ids"]),
        ({"ids": None, "filter": None, "all": None}, ["ids"]),
        ({"filter": {}}, ["filter"]),
        ({"ids": [str(uuid4())], "all": True}, ["ids", "all"]),
        ({"filter": {"reason": "x"}, "all": True}, ["filter", "all"]),
    ],
)
def test_exactly_one_selection_is_wanted(body: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(UnprocessableContentError) as caught:
        chosen(body)
    assert [detail.field for detail in caught.value.details or ()] == fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": []}, ("ids",)),
        ({"ids": ["x"]}, ("ids", 0)),
        ({"ids": [str(uuid4())] * (MAX_IDS + 1)}, ("ids",)),
        ({"all": False}, ("all",)),
        ({"filter": {"state": "open"}}, ("filter", "state")),
        ({"filter": {"received_to": 5}}, ("filter", "received_to")),
        ({"all": True, "dry_run": "yes"}, ("dry_run",)),
        ({"all": True, "dryrun": True}, ("dryrun",)),
    ],
)
def test_a_selection_names_the_field_that_is_wrong(
    body: dict[str, Any], field: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        DeadLetterSelection.model_validate(body)
    assert [error["loc"] for error in caught.value.errors()] == [field]


def chosen(body: dict[str, Any]) -> Selection:
    return DeadLetterSelection.model_validate(body).to_selection()
