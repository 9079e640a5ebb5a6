"""OpenAPI says what each route is for, what it takes and what it can answer, by example."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import jsonschema_rs
import pytest
from fastapi import FastAPI
from tests.repo.members import SERVICES, Service

from contracts.error_codes import ErrorCode
from contracts.error_statuses import STATUS_OF
from servicekit.correlation import CORRELATION_HEADER
from servicekit.errors import ServiceError

NEVER_AN_ANSWER: Final = {ErrorCode.RENDER_FAILED}
"""Of `explain` it is one reason among others."""
OF_NO_ROUTE: Final = {ErrorCode.METHOD_NOT_ALLOWED, ErrorCode.INTERNAL_ERROR}
"""A method that is not documented, and our own defect."""

Document = dict[str, Any]


class Operation(NamedTuple):
    service: str
    name: str
    body: Document
    document: Document

    def validator(self, schema: Document) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(
            {**schema, "components": self.document["components"]}
        )


@pytest.fixture(scope="module")
def operations(apps: dict[str, FastAPI]) -> list[Operation]:
    return [
        Operation(service, f"{service} {method.upper()} {path}", operation, document)
        for service, app in apps.items()
        for document in [json.loads(json.dumps(app.openapi()))]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def examples(media: Document) -> list[Any]:
    return ([media["example"]] if "example" in media else []) + [
        example["value"] for example in media.get("examples", {}).values()
    ]


def contents(operation: Operation) -> Iterator[tuple[str, Document]]:
    """Each body and answer that has content, and what it is."""
    for media in operation.body.get("requestBody", {}).get("content", {}).values():
        yield f"{operation.name}, its body", media
    for status, response in operation.body["responses"].items():
        for media in response["content"].values():
            yield f"{operation.name}, {status}", media


def test_the_operations_of_all_processes_are_found(
    operations: list[Operation], apps: dict[str, FastAPI]
) -> None:
    assert {operation.service for operation in operations} == set(apps)
    assert len(operations) > 60


def test_every_route_has_a_summary(operations: list[Operation]) -> None:
    assert [each.name for each in operations if not each.body.get("summary")] == []


def test_every_body_and_every_answer_has_an_example(operations: list[Operation]) -> None:
    silent = [
        name
        for operation in operations
        for name, media in contents(operation)
        if not examples(media)
    ]
    assert silent == []


def test_every_example_is_what_its_schema_says(operations: list[Operation]) -> None:
    wrong = [
        f"{name}: {error.message}"
        for operation in operations
        for name, media in contents(operation)
        for example in examples(media)
        for error in operation.validator(media["schema"]).iter_errors(example)
    ]
    assert wrong == []


def test_every_answer_has_the_correlation_id(operations: list[Operation]) -> None:
    for operation in operations:
        for response in operation.body["responses"].values():
            assert response["headers"][CORRELATION_HEADER]["required"], operation.name


def test_every_error_names_its_codes_each_with_its_remedy(operations: list[Operation]) -> None:
    for operation in operations:
        for status, response in operation.body["responses"].items():
            if status < "400" or "/health" in operation.name:
                continue
            codes = [ErrorCode(code) for code in response["x-error-codes"]]
            assert codes, f"{operation.name}, {status}"
            for code in codes:
                assert str(STATUS_OF[code]) == status
                assert code.remedy in response["description"]
                assert response["content"]["application/json"]["examples"][code.value]


def test_a_get_can_neither_conflict_nor_send_a_wrong_body(operations: list[Operation]) -> None:
    for operation in operations:
        if " GET " in operation.name:
            assert not {"400", "409", "413", "415"} & operation.body["responses"].keys()


def test_every_code_has_a_remedy_and_one_status() -> None:
    assert set(STATUS_OF) == set(ErrorCode) - NEVER_AN_ANSWER
    assert [code for code in ErrorCode if not code.remedy] == []


def documented(operations: list[Operation], service: str | None = None) -> set[ErrorCode]:
    return {
        ErrorCode(code)
        for operation in operations
        if service in (None, operation.service)
        for response in operation.body["responses"].values()
        for code in response.get("x-error-codes", ())
    }


def test_every_code_is_documented_where_it_is_answered(operations: list[Operation]) -> None:
    assert documented(operations) == set(ErrorCode) - NEVER_AN_ANSWER - OF_NO_ROUTE


def codes_used(folder: Path) -> set[ErrorCode]:
    """By name in the code, beside those that the errors of servicekit have by themselves."""
    return {
        ErrorCode[node.attr]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ErrorCode"
        and node.attr.isupper()
    }


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_uses_no_code_that_it_does_not_document(
    service: Service, operations: list[Operation]
) -> None:
    used = codes_used(service.folder / "src")
    assert used - NEVER_AN_ANSWER <= documented(operations, service.name)


def test_the_codes_that_are_used_are_found() -> None:
    gateway = next(service for service in SERVICES if service.name == "api-gateway")
    assert ErrorCode.REQUEST_IN_FLIGHT in codes_used(gateway.folder / "src")


def error_classes(of: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for each in of.__subclasses__():
        yield each
        yield from error_classes(each)


def test_every_kind_of_error_comes_with_the_status_of_its_code(apps: dict[str, FastAPI]) -> None:
    classes = list(error_classes())
    assert len(classes) > 10
    for each in classes:
        assert STATUS_OF[each.default_code] == each.status, each
