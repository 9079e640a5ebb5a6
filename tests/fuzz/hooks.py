"""What schemathesis is told of the world: loaded into its process by `SCHEMATHESIS_HOOKS`.

Most requests name what exists, and come from somebody who may; some from strangers. All of that is
drawn by Hypothesis, so that a seed repeats it.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase
from tests.fuzz.world import World

WORLD: Final = World.read(Path(os.environ["FUZZ_WORLD"]))
_HALF: Final = "\ue000"
"""Stands for half a surrogate pair, which JSON can spell and schemathesis itself cannot carry."""
HOSTILE: Final = (
    *("\0", "a\0b", _HALF, "a\r\nBcc: b@example.com", "\u202e\u2028\ufeff", "a" * 70_000),
    *("{{ 7 * 7 }}", "{% for a in range(99999999) %}a{% endfor %}", "{{ '", "'; --", "\U0001f600"),
    *(2**31, 2**63, 2**64, 10**400, -1, 1e308, True),
)
_ADMIN: Final = {"Authorization": f"Bearer {WORLD.admin_token}"}
_TRUSTED: Final = 15
_NOBODY: Final = "00000000-0000-4000-8000-000000000000"


@st.composite
def with_known(draw: st.DrawFn, value: Any, known: dict[str, list[Any]]) -> Any:
    """The same, with most of what has a known name replaced by something that exists."""
    if isinstance(value, dict):
        return {
            name: draw(st.sampled_from(known[name]))
            if may_be(each, known.get(name)) and draw(st.integers(0, 4))
            else draw(with_known(each, known))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [draw(with_known(each, known)) for each in value]
    return value


@st.composite
def with_hostile(draw: st.DrawFn, value: Any) -> Any:
    """The same, with one text or number in twenty replaced by what is hard to carry."""
    if isinstance(value, dict):
        return {name: draw(with_hostile(each)) for name, each in value.items()}
    if isinstance(value, list):
        return [draw(with_hostile(each)) for each in value]
    if isinstance(value, str | int) and draw(st.integers(0, 19)) == 7:
        return draw(st.sampled_from(HOSTILE))
    return value


def may_be(value: Any, known: list[Any] | None) -> bool:
    """Whether these are values for that: an `email` is an address here and content there."""
    return known is not None and (value is None or isinstance(value, type(known[-1])))


def with_real_ids(value: Any) -> Any:
    """The same, with the ids of the documentation's examples replaced by some that exist."""
    if isinstance(value, dict):
        return {name: with_real_ids(each) for name, each in value.items()}
    if isinstance(value, list):
        return [with_real_ids(each) for each in value]
    return WORLD.examples.get(value, value) if isinstance(value, str) else value


@schemathesis.hook
def flatmap_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any]
) -> st.SearchStrategy[Any]:
    return with_known(path_parameters, WORLD.in_address)


@schemathesis.hook
def flatmap_query(
    context: schemathesis.HookContext, query: dict[str, Any]
) -> st.SearchStrategy[Any]:
    return with_known(query, WORLD.in_address)


@schemathesis.hook
def flatmap_body(context: schemathesis.HookContext, body: Any) -> st.SearchStrategy[Any]:
    path = context.operation.path if context.operation else ""
    known = {**WORLD.in_body, **WORLD.in_body_of.get(path, {})}
    return with_known(body, known).flatmap(with_hostile)


@schemathesis.hook
def flatmap_case(
    context: schemathesis.HookContext, case: schemathesis.Case[Any]
) -> st.SearchStrategy[Any]:
    def asked_by(die: int) -> schemathesis.Case[Any]:
        for name, value in credentials(case.operation.definition.raw, die).items():
            case.headers[name] = value
        if die % 2:  # beside a request_id it would only ever contradict that
            case.headers.pop("Idempotency-Key", None)
        return case

    return st.integers(0, 15).map(asked_by)


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Let what was not drawn come to something, and keep what the fuzzing itself rests on."""
    case.body = with_real_ids(case.body)
    if case.meta is not None and case.meta.phase.name is not TestPhase.FUZZING:
        trust(case)
    spare(case)


def trust(case: schemathesis.Case[Any]) -> None:
    """Have a case of the schema's borders sent by somebody who may, to something that exists."""
    if case.body:
        for name in case.path_parameters.keys() & WORLD.in_address:
            case.path_parameters[name] = WORLD.in_address[name][-1]
    for name, value in credentials(case.operation.definition.raw, _TRUSTED).items():
        case.headers[name] = value


def spare(case: schemathesis.Case[Any]) -> None:
    """Change nothing that is to be there for what follows."""
    if case.method != "GET":
        for name, value in case.path_parameters.items():
            if value in WORLD.untouchable:
                case.path_parameters[name] = _NOBODY
    if case.path.endswith("/dead-letters/discard") and isinstance(case.body, dict):
        all_of_them = "ids" not in case.body
        case.body = {**case.body, "dry_run": True} if all_of_them else case.body


def credentials(operation: dict[str, Any], die: int) -> dict[str, str]:
    """Headers for an operation; of sixteen requests four are a stranger's."""
    schemes = {name for each in operation.get("security", ()) for name in each}
    if not schemes or die == 5:  # not 0 or 15, which are drawn more often than others
        return {}
    if die == 6:
        return {"X-API-Key": WORLD.weak_api_key}
    if die == 9:
        return {"Authorization": f"Bearer {WORLD.user_token}"}
    if die == 10:
        return {"Authorization": "Bearer e30.e30.c2ln"}
    if "ApiKey" not in schemes:
        known = [name for name in operation["x-services"] if name in WORLD.service_tokens]
        name = known[die % len(known)]
        return {"X-Service-Token": f"{name}:{WORLD.service_tokens[name]}"}
    return {"X-API-Key": WORLD.api_key} if die > 7 else _ADMIN


@schemathesis.serializer("application/json")
def as_json(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """With half a surrogate pair wherever that is wanted."""
    if isinstance(value, bytes):
        return value  # already what no parser takes
    return json.dumps(value).encode().replace(rb"\ue000", rb"\ud800")


@schemathesis.serializer("message/rfc822")
def as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A mail is no structure of JSON's; what is none is sent as its text."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
