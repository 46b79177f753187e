"""The API keeps what its OpenAPI description says, whatever is thrown at it."""

from __future__ import annotations

import re
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error

from eudoxus.service.app import create_app
from tests.service.conftest import Running
from tests.service.strategies import registry


def description() -> dict[str, Any]:
    return create_app(registry=registry()).openapi()


def test_every_route_has_an_operation_id_of_its_own_and_says_how_it_can_fail() -> None:
    operations = [(path, method, said) for path, methods in description()["paths"].items() for method, said in methods.items()]
    ids = [said["operationId"] for _, _, said in operations]
    assert len(ids) == len(set(ids))
    for path, method, said in operations:
        assert said.get("summary"), (path, method)
        if path.startswith("/v1/"):
            assert "application/problem+json" in said["responses"]["401"]["content"], (path, method)


def test_every_error_body_is_the_same_problem() -> None:
    schema = description()
    assert "HTTPValidationError" not in str(schema)
    for methods in schema["paths"].values():
        for said in methods.values():
            for status, response in said["responses"].items():
                if int(status) >= 400 and "content" in response:
                    assert response["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_page_of_the_api_needs_nothing_from_elsewhere(service: Running) -> None:
    with service.http(follow_redirects=True) as http:
        page = http.get("/")
        assert page.status_code == 200 and page.url.path == "/docs"
        wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(wanted) == 3 and all(url.startswith(service.url) for url in wanted)
        assert all(http.get(url).status_code == 200 for url in wanted)


@pytest.fixture
def api(service: Running) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.mark.slow
def test_nothing_that_is_sent_makes_a_server_error(api: Any) -> None:
    bounds = hypothesis.settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )

    def send(case: Any) -> None:
        response = case.call(timeout=30)
        if response.status_code == 504:
            assert response.json()["code"] == "deadline_exceeded"  # it was asked for: a budget of almost no time
        else:
            case.validate_response(response, checks=[not_a_server_error])
        assert "Traceback" not in response.text

    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) >= 18
    for operation in operations:
        bounds(hypothesis.given(operation.as_strategy())(send))()
