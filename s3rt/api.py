"""The tracker's REST API from Python: requests signed with the caller's AWS credentials (SigV4)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


class ApiProblem(Exception):
    """The API answered with a problem (RFC 9457). `status` is the HTTP status."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


@dataclass(slots=True)
class Api:
    """`url` is the stack's output `ApiUrl`. Close it, or use it in a `with`."""

    url: str
    region: str
    session: boto3.Session
    http: httpx.Client

    @classmethod
    def at(cls, url: str, region: str, session: boto3.Session | None = None) -> Self:
        return cls(url.rstrip("/"), region, session or boto3.Session(), httpx.Client(timeout=30))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON answer of `path` (from `/v1/...`); None parameters are left out.
        ApiProblem for everything but a 2xx."""
        return _json(self.send("GET", path, parameters))

    def post(self, path: str, body: Any, **parameters: Any) -> Any:
        """As `get`, with a body that is sent as JSON."""
        return _json(self.send("POST", path, parameters, body))

    def delete(self, path: str) -> Any:
        """As `get`."""
        return _json(self.send("DELETE", path, {}))

    def send(
        self, method: str, path: str, parameters: dict[str, Any], body: Any = None
    ) -> httpx.Response:
        """The bare answer, whatever it is. `body` is sent as JSON."""
        pairs = [
            f"{quote(name, safe='')}={quote(str(value), safe='')}"
            for name, value in sorted(parameters.items())
            if value is not None
        ]
        url = self.url + quote(path, safe="/-_.~") + ("?" + "&".join(pairs) if pairs else "")
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = AWSRequest(method=method, url=url, data=content, headers=headers)
        credentials = self.session.get_credentials()
        if credentials is not None:
            SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        return self.http.request(method, url, headers=dict(request.headers), content=content)

    def object(self, bucket: str, key: str, version_id: str | None = None) -> Any:
        return self.get(f"/v1/buckets/{bucket}/object", key=key, version_id=version_id)

    def objects(self, bucket: str, **filters: Any) -> list[Any]:
        """All rows of a list, page after page."""
        pages = self.pages(f"/v1/buckets/{bucket}/objects", **filters)
        return [row for page in pages for row in page["items"]]

    def pages(self, path: str, **filters: Any) -> Iterator[Any]:
        """The pages of a list, each asked for when the one before was used."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **filters)
            yield page
            cursor = page["next_cursor"]
            if cursor is None:
                return


def _json(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise ApiProblem(answer.status_code, _problem(answer))
    return answer.json()


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {"title": answer.reason_phrase, "detail": answer.text[:200]}
