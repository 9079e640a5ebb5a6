"""The broker's topology is data; this keeps it in step with the names that the code uses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.names import (
    EVENTS_EXCHANGE,
    EXCHANGES,
    FAILED_QUEUE,
    LANES,
    NOTIFICATIONS_EXCHANGE,
    OUTCOMES_QUEUE,
    QUEUES,
    RETRY_EXCHANGE,
    RETRY_QUEUES,
    RETRY_TIERS,
    SUPPRESSIONS_QUEUE,
    TIER_HEADER,
    retry_queue,
)
from contracts.outcome import REPORTED_KINDS, SUPPRESSING_KINDS, outcome_routing_key

DEFINITIONS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "rabbitmq-config" / "definitions.json").read_text()
)
QUEUE = {queue["name"]: queue for queue in DEFINITIONS["queues"]}


def bindings(source: str) -> Iterator[dict[str, Any]]:
    for binding in DEFINITIONS["bindings"]:
        if binding["source"] == source:
            assert binding["destination_type"] == "queue"
            yield binding


def test_names_and_definitions_know_the_same_queues() -> None:
    assert [queue["name"] for queue in DEFINITIONS["queues"]] == list(QUEUE), "a name twice"
    assert set(QUEUE) == set(QUEUES)


def test_names_and_definitions_know_the_same_exchanges() -> None:
    assert sorted(each["name"] for each in DEFINITIONS["exchanges"]) == sorted(EXCHANGES)


def test_exchanges_are_durable_and_of_the_type_that_the_code_counts_on() -> None:
    found = {each["name"]: (each["type"], each["durable"]) for each in DEFINITIONS["exchanges"]}
    assert found == {
        NOTIFICATIONS_EXCHANGE: ("direct", True),
        RETRY_EXCHANGE: ("headers", True),
        EVENTS_EXCHANGE: ("topic", True),
    }


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_durable_replicated_and_refuses_rather_than_drops(name: str) -> None:
    queue = QUEUE[name]
    assert queue["durable"]
    assert not queue["auto_delete"]
    assert queue["arguments"]["x-queue-type"] == "quorum"
    assert queue["arguments"]["x-overflow"] == "reject-publish"
    # RabbitMQ 4 drops at 20 unless told otherwise; pauses and restarts count as deliveries.
    assert queue["arguments"]["x-delivery-limit"] >= 1000


@pytest.mark.parametrize("name", [each for each in QUEUES if each != FAILED_QUEUE])
def test_what_leaves_a_queue_unread_goes_on_at_least_once(name: str) -> None:
    arguments = QUEUE[name]["arguments"]
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-dead-letter-exchange"] == NOTIFICATIONS_EXCHANGE


@pytest.mark.parametrize("name", [*LANES, OUTCOMES_QUEUE, SUPPRESSIONS_QUEUE])
def test_what_a_lane_gives_up_arrives_in_the_dead_letter_queue(name: str) -> None:
    key = QUEUE[name]["arguments"]["x-dead-letter-routing-key"]
    targets = [
        each["destination"]
        for each in bindings(NOTIFICATIONS_EXCHANGE)
        if each["routing_key"] == key
    ]
    assert targets == [FAILED_QUEUE]


def test_dead_letters_stay_where_they_are() -> None:
    arguments = QUEUE[FAILED_QUEUE]["arguments"]
    assert not {"x-dead-letter-exchange", "x-message-ttl", "x-expires"} & set(arguments)


@pytest.mark.parametrize("tier", RETRY_TIERS)
def test_a_retry_queue_holds_for_its_tier_and_gives_back_to_the_lane(tier: int) -> None:
    arguments = QUEUE[retry_queue(tier)]["arguments"]
    assert arguments["x-message-ttl"] == tier * 1000
    # Without a key of its own the message keeps the one that it was published with: its lane.
    assert "x-dead-letter-routing-key" not in arguments


@pytest.mark.parametrize("name", [each for each in QUEUES if each not in RETRY_QUEUES])
def test_only_retry_queues_let_messages_expire(name: str) -> None:
    assert "x-message-ttl" not in QUEUE[name]["arguments"]


def test_each_tier_is_routed_to_its_queue_alone() -> None:
    found = [(each["arguments"], each["destination"]) for each in bindings(RETRY_EXCHANGE)]
    assert found == [
        ({"x-match": "all", TIER_HEADER: tier}, retry_queue(tier)) for tier in RETRY_TIERS
    ]


def test_the_routing_key_of_a_lane_is_its_name() -> None:
    found = [
        (each["routing_key"], each["destination"]) for each in bindings(NOTIFICATIONS_EXCHANGE)
    ]
    assert sorted(found) == sorted((name, name) for name in (*LANES, FAILED_QUEUE))


def test_outcomes_are_collected_by_exactly_their_kinds() -> None:
    found = [(each["routing_key"], each["destination"]) for each in bindings(EVENTS_EXCHANGE)]
    expected = [
        *((outcome_routing_key(kind), OUTCOMES_QUEUE) for kind in REPORTED_KINDS),
        *((outcome_routing_key(kind), SUPPRESSIONS_QUEUE) for kind in SUPPRESSING_KINDS),
    ]
    assert sorted(found) == sorted(expected)


def test_definitions_hold_no_user_and_no_password() -> None:
    assert not {"users", "permissions"} & set(DEFINITIONS)
