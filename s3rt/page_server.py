"""The page on loopback, and the API behind it with the caller's signature.

Who may ask: whoever knows the address, which has a random token in its path, names this very host
and port (so no name that was made to point here) and was not sent by another site. No credential
leaves this process: a request for `<token>/v1/...` is signed here, and only the body and its kind
come back. Redrives can be planned, started and cancelled as well: such a request must say that
this very page sent it (`Origin` and `Sec-Fetch-Site`, which no page can forge) and be JSON, which
no form can send.
"""

import hmac
import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from botocore.exceptions import BotoCoreError

from s3rt.api import Api

PAGE = Path(__file__).parent / "page"
HOST = "127.0.0.1"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_NAME = re.compile(r"[a-z][a-z_]*\.(?:html|css|js|svg)")
_API_PATH = re.compile(r"/v1(?:/[A-Za-z0-9._~-]+)+")
_CHANGES = {"POST": re.compile(r"v1/redrives"), "DELETE": re.compile(r"v1/redrives/[\w-]{1,64}")}
"""All that the page may change."""
_LARGEST_BODY = 16_384
_OWN = ("same-origin", "none")
_JSON = ("application/json", "application/problem+json")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    kind: str
    body: bytes


def problem(status: int, title: str, detail: str) -> Answer:
    """An error of this server's own, in the shape of the API's."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Answer(status, "application/problem+json", json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Site:
    """What is served. `token` is the first part of every path."""

    api: Api
    token: str
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}/{self.token}/"

    def answer(self, target: str, headers: Mapping[str, str]) -> Answer:
        """The answer to a GET."""
        split = urlsplit(target)
        rest = self._within(split.path, headers)
        if isinstance(rest, Answer):
            return rest
        if rest.startswith("v1/"):
            return self._ask("GET", f"/{rest}", split.query)
        return _file(rest or "index.html")

    def change(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a POST or DELETE."""
        split = urlsplit(target)
        rest = self._within(split.path, headers)
        if isinstance(rest, Answer):
            return rest
        sent_here = headers.get("Origin") == f"http://{self.host}"
        if not sent_here or headers.get("Sec-Fetch-Site") != "same-origin":
            return problem(403, "Forbidden", "Only this page itself may change anything.")
        if not _CHANGES[method].fullmatch(rest) or split.query:
            return problem(404, "Not found", "The page changes nothing there.")
        try:
            if headers.get("Content-Type") != "application/json":
                raise ValueError
            given = json.loads(body)
        except ValueError:
            return problem(400, "Bad request", "The body is no JSON.")
        return self._ask(method, f"/{rest}", "", given)

    def _within(self, path: str, headers: Mapping[str, str]) -> str | Answer:
        """The path behind the token; or the refusal of whoever does not know it."""
        if not self._own(headers):
            return problem(403, "Forbidden", "This page answers to its own address only.")
        token, slash, rest = path.removeprefix("/").partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.token.encode()):
            return problem(404, "Not found", "Use the address that s3rt open printed.")
        return rest

    def _own(self, headers: Mapping[str, str]) -> bool:
        """Whether the browser meant this host, and no other site sent it here."""
        origin = headers.get("Origin")
        return (
            headers.get("Host") == self.host
            and origin in (None, f"http://{self.host}")
            and headers.get("Sec-Fetch-Site", "none") in _OWN
        )

    def _ask(self, method: str, path: str, query: str, body: Any = None) -> Answer:
        """The API's answer, asked for with the caller's signature."""
        pairs = parse_qsl(query, keep_blank_values=True)
        parameters = dict(pairs)
        if not _API_PATH.fullmatch(path) or ".." in path or len(parameters) < len(pairs):
            return problem(400, "Bad request", "The API has no such route or parameters.")
        try:
            found = self.api.send(method, path, parameters, body)
        except (httpx.HTTPError, BotoCoreError) as error:
            reason = str(error) or type(error).__name__
            return problem(502, "The API does not answer", f"{reason}. Is the stack up?")
        kind = found.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind not in _JSON:
            return problem(502, "The API does not answer", f"It sent {found.status_code}, no JSON.")
        return Answer(found.status_code, kind, found.content)


def _file(name: str) -> Answer:
    file = PAGE / name
    if not _NAME.fullmatch(name) or not file.is_file():
        return problem(404, "Not found", "The page has no such file.")
    return Answer(200, _KINDS[file.suffix], file.read_bytes())


@contextmanager
def serving_page(api: Api, port: int = 0) -> Iterator[Site]:
    """Serves the page on 127.0.0.1 (0: a free port) until the end of the `with`."""
    server = ThreadingHTTPServer((HOST, port), BaseHTTPRequestHandler)
    site = Site(api, secrets.token_urlsafe(24), f"{HOST}:{server.server_port}")
    server.RequestHandlerClass = _handler(site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "s3rt"
        sys_version = ""
        timeout = 60

        def do_GET(self) -> None:
            self._send(site.answer(self.path, self._given()))

        def do_POST(self) -> None:
            self._change("POST")

        def do_DELETE(self) -> None:
            self._change("DELETE")

        def _change(self, method: str) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > _LARGEST_BODY:
                self.close_connection = True  # the body stays unread
                self._send(problem(413, "Too large", "The body is too large."))
                return
            body = self.rfile.read(int(length))
            self._send(site.change(method, self.path, self._given(), body))

        def _given(self) -> Mapping[str, str]:
            names = ("Host", "Origin", "Sec-Fetch-Site", "Content-Type")
            return {name: self.headers[name] for name in names if name in self.headers}

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """The address has the token in it: it goes into no log."""

    return Handler
