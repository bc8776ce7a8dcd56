"""The canned answers over HTTP, as the gateway gives them: signed requests only."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from query import VERSION
from tests.support.fake_api import answers, sets, sums
from tests.support.fake_api.answers import Json, Query, Refused
from tests.support.fake_api.world import World

if TYPE_CHECKING:
    from tests.redrive.world import World as Redrives

Answer = Callable[..., Json]

ROUTES: Mapping[str, Answer] = {
    "/v1/buckets": answers.buckets,
    "/v1/buckets/{bucket}/object": answers.tracked_object,
    "/v1/buckets/{bucket}/object/versions": answers.versions,
    "/v1/buckets/{bucket}/object/wait": answers.waited,
    "/v1/buckets/{bucket}/objects": answers.objects,
    "/v1/buckets/{bucket}/arrival": sets.of_prefix,
    "/v1/buckets/{bucket}/summary": sums.summary,
    "/v1/buckets/{bucket}/timeline": sums.timeline,
    "/v1/incidents": sums.incident_list,
    "/v1/incidents/{incident_id}": sums.incident,
    "/v1/doctor": answers.findings,
    "/v1/health": lambda world, query: {"status": "ok", "version": VERSION},
}
POSTED: Mapping[str, Answer] = {"/v1/buckets/{bucket}/arrival": sets.of_manifest}
"""Questions with a body."""
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[^/]+/execute-api/aws4_request, .+")


@dataclass(slots=True)
class FakeApi:
    """`absent`: routes this release does not have. `down`: every answer is 503. `seen`: the paths
    and queries that were asked for."""

    world: World
    url: str = ""
    absent: set[str] = field(default_factory=set)
    down: bool = False
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    redrives: "Redrives | None" = None
    """The function redrive; None: this caller may only read."""
    changes: list[tuple[str, str, Any]] = field(default_factory=list)
    """What was sent by POST and DELETE."""

    def change(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, Json]:
        if not _SIGNED.fullmatch(authorization) or self.redrives is None:
            return 403, Refused("access-denied", 403, "explicit deny").body
        given = json.loads(body or b"{}")
        self.changes.append((method, path, given))
        return self.redrives.request(method, path, given)

    def answer(
        self, target: str, authorization: str, body: bytes | None = None
    ) -> tuple[int, Json]:
        if not _SIGNED.fullmatch(authorization):
            return 403, Refused("forbidden", 403, "The request is not signed.").body
        if self.down:
            return 503, Refused("ledger-unavailable", 503, "The ledger could not be read.").body
        split = urlsplit(target)
        path, query = unquote(split.path), dict(parse_qsl(split.query, keep_blank_values=True))
        self.seen.append((path, query))
        try:
            return 200, self._redriven(path) or self._route(path, query, body)
        except Refused as refused:
            return refused.status, refused.body

    def _redriven(self, path: str) -> Json | None:
        """What the API shows of redrives. Each question gives the function time to work."""
        if not path.startswith("/v1/redrives"):
            return None
        found = self.redrives.shown() if self.redrives else []
        if path == "/v1/redrives":
            return {"items": found, "next_cursor": None, "complete": True}
        return next(one for one in found if one["id"] == path.rpartition("/")[2])

    def _route(self, path: str, query: Query, body: bytes | None) -> Json:
        given = () if body is None else (body,)
        for pattern, answer in (ROUTES if body is None else POSTED).items():
            named = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if named and pattern not in self.absent:
                return answer(self.world, *named.groups(), query, *given)
        raise Refused("not-found", 404, "No route of this API has this path.")


@contextmanager
def serving(world: World | None = None) -> Iterator[FakeApi]:
    """The API on a free port of 127.0.0.1, until the end of the `with`."""
    api = FakeApi(world or World.made())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(*api.answer(self.path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            if urlsplit(self.path).path.startswith("/v1/redrives"):
                self._change("POST")
                return
            given = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(*api.answer(self.path, self.headers.get("Authorization", ""), given))

        def do_DELETE(self) -> None:
            self._change("DELETE")

        def _change(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(*api.change(method, self.path, self.headers.get("Authorization", ""), body))

        def _send(self, status: int, body: Json) -> None:
            data = json.dumps(body).encode()
            kind = "application/json" if status < 300 else "application/problem+json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
