"""Every error is a problem of one shape that names what has to change and gives nothing away."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from query import wiring
from tests.query.conftest import assert_problem, get

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.usefixtures("dynamodb")

OBJECT = "/v1/buckets/src/object"
LIST = "/v1/buckets/src/objects"
ROUTES = [
    "/v1/buckets",
    OBJECT,
    f"{OBJECT}/versions",
    f"{OBJECT}/wait",
    LIST,
    "/v1/health",
    "/v1/openapi.json",
]


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/nothing", "/v1/buckets/src", "/v1/incident", "/v1/redrive", "/v2/buckets"],
)
def test_an_unknown_path_is_a_problem(path: str) -> None:
    assert_problem(get(path), 404, "not-found")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ROUTES)
def test_a_method_no_route_takes_is_a_problem_that_names_those_it_takes(
    path: str, method: str
) -> None:
    answer = get(path, method)
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    assert_problem(get("/v1/nothing", method), 404, "not-found")


@pytest.mark.parametrize("path", [OBJECT, f"{OBJECT}/versions", f"{OBJECT}/wait", LIST])
@pytest.mark.parametrize("bucket", ["other", "SRC", "src ", "%73rc", "ünïcode"])
def test_a_bucket_that_is_not_tracked_is_a_problem(path: str, bucket: str) -> None:
    answer = get(path.replace("src", bucket), **({} if path == LIST else {"key": "k"}))
    assert_problem(answer, 404, "bucket-not-tracked", "bucket")


@pytest.mark.parametrize("path", ROUTES)
def test_a_parameter_no_route_knows_is_refused(path: str) -> None:
    known = {"key": "k"} if path.startswith(OBJECT) and path != LIST else {}
    problem = assert_problem(get(path, lmit=5, **known), 400, "invalid-parameter", "lmit")
    assert "no parameter of this route" in problem["detail"]


@pytest.mark.parametrize("path", [OBJECT, f"{OBJECT}/versions", f"{OBJECT}/wait"])
def test_an_object_needs_a_key(path: str) -> None:
    assert_problem(get(path), 400, "invalid-parameter", "key")
    assert_problem(get(path, key=""), 400, "invalid-parameter", "key")
    assert_problem(get(path, key="k" * 1025), 400, "invalid-parameter", "key")


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        *(
            (path, "limit", value)
            for path in (LIST, "/v1/buckets", f"{OBJECT}/versions")
            for value in (
                "0",
                "-1",
                "1001",
                "ten",
                "1.5",
                "",
                "1e2",
                "\N{FULLWIDTH DIGIT NINE}" * 4,
            )
        ),
        (OBJECT, "version_id", ""),
        (LIST, "status", "pending"),
        (LIST, "status", "REPLICA"),
        (LIST, "status", ""),
        (LIST, "order", "up"),
        (LIST, "destination", ""),
        (LIST, "rule_id", ""),
        (LIST, "reason", ""),
        (LIST, "prefix", "p" * 1025),
        (LIST, "since", "yesterday"),
        (LIST, "since", "2026-11-22"),
        (LIST, "since", "2026-11-22T10:00:00"),
        (LIST, "since", "2026-11-22T10:00:00 01:00"),
        (LIST, "until", "0001-01-01T00:00:00Z"),
        (LIST, "until", ""),
        (LIST, "key", "a/key"),
        (f"{OBJECT}/wait", "timeout", "26"),
    ],
)
def test_a_value_out_of_range_is_refused_and_named(path: str, name: str, value: str) -> None:
    known = {"key": "k"} if path.startswith(OBJECT) and path != LIST else {}
    assert_problem(get(path, **known, **{name: value}), 400, "invalid-parameter", name)


def test_a_span_without_time_in_it_is_refused() -> None:
    answer = get(LIST, since="2026-11-22T10:00:00Z", until="2026-11-22T10:00:00Z")
    assert_problem(answer, 400, "invalid-parameter", "until")


@pytest.mark.parametrize(
    ("path", "parameters", "name"),
    [
        (OBJECT, {"key": ["a", "b"]}, "key"),
        (OBJECT, {"key": ["a", "a"]}, "key"),
        (LIST, {"status": ["PENDING", "FAILED"]}, "status"),
        (LIST, {"limit": ["1", "2"]}, "limit"),
    ],
)
def test_a_parameter_given_twice_is_refused(
    path: str, parameters: dict[str, Any], name: str
) -> None:
    problem = assert_problem(get(path, **parameters), 400, "invalid-parameter", name)
    assert "more than once" in problem["detail"]


@pytest.mark.parametrize("name", ["key", "version_id"])
def test_text_that_is_no_unicode_is_refused(name: str) -> None:
    parameters = {"key": "k"} | {name: "\ud800"}
    assert_problem(get(OBJECT, **parameters), 400, "invalid-parameter", name)
    assert_problem(get(LIST, rule_id="\udfff"), 400, "invalid-parameter", "rule_id")


def broken(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Every read of the table fails so."""
    client: Any = wiring.service().items._client
    call = client._make_api_call

    def fail(operation: str, parameters: object) -> object:
        if operation in ("GetItem", "Query"):
            raise error
        return call(operation, parameters)

    monkeypatch.setattr(client, "_make_api_call", fail)


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret table name"}}, "Query")


ASKED = [
    ("/v1/buckets", {}),
    (OBJECT, {"key": "k"}),
    (f"{OBJECT}/versions", {"key": "k"}),
    (f"{OBJECT}/wait", {"key": "k"}),
    (LIST, {}),
    ("/v1/health", {}),
]


@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example"),
    ],
)
@pytest.mark.parametrize(("path", "parameters"), ASKED)
def test_a_ledger_that_does_not_answer_is_a_problem_that_passes(
    monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str], error: Exception
) -> None:
    broken(monkeypatch, error)
    answer = get(path, **parameters)
    problem = assert_problem(answer, 503, "ledger-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert problem["request_id"] == "gateway-request"
    assert "secret" not in answer.text
    assert "dynamodb.example" not in answer.text


@pytest.mark.parametrize(
    "error", [KeyError("secret attribute"), client_error("AccessDeniedException")]
)
@pytest.mark.parametrize(("path", "parameters"), ASKED[:-1])
def test_an_unexpected_error_gives_nothing_away_but_its_request_id(
    monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str], error: Exception
) -> None:
    broken(monkeypatch, error)
    answer = get(path, **parameters)
    problem = assert_problem(answer, 500, "internal-error")
    assert problem["request_id"] == "gateway-request"
    assert "secret" not in answer.text
    assert "Error" not in problem["detail"]


def test_health_reads_the_ledger(
    dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = get("/v1/health")
    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert answer.headers["cache-control"] == "no-store"
    dynamodb.delete_table(TableName="ledger")
    assert_problem(get("/v1/health"), 503, "ledger-unavailable")


def test_missing_settings_are_a_problem_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME")
    wiring.service.cache_clear()
    answer = get("/v1/buckets")
    assert_problem(answer, 500, "internal-error")
    assert "TABLE_NAME" not in answer.text


def test_an_answer_that_breaks_its_schema_is_the_tracker_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(wiring.service().lookup), "find", lambda *_: {"bucket": 5})
    assert_problem(get(OBJECT, key="k"), 500, "internal-error")
