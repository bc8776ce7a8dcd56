"""The page's server: this machine alone, its own address alone, no credentials; GET, and the
changes of redrives."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from s3rt.api import Api
from s3rt.page_server import HEADERS, PAGE, Site, serving_page
from tests.redrive.world import World
from tests.support.fake_api.server import FakeApi
from tests.support.fake_api.world import TAX


@pytest.fixture
def site(api: FakeApi) -> Iterator[Site]:
    session = boto3.Session("AKIASECRET", "very-secret", region_name="eu-central-1")
    with Api.at(api.url, "eu-central-1", session) as signed, serving_page(signed) as found:
        yield found


def ask(site: Site, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """`path` behind the token; status and everything else that came back, headers too."""
    connection = http.client.HTTPConnection(site.host, timeout=10)
    target = f"/{site.token}/{path}" if not path.startswith("!") else path[1:]
    connection.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    whole = str(answer.headers).encode() + answer.read()
    connection.close()
    return answer.status, whole


def test_it_listens_on_loopback_alone(site: Site) -> None:
    assert urlsplit(site.url).hostname == "127.0.0.1"
    assert len(site.token) >= 32


@pytest.mark.parametrize("name", sorted(one.name for one in PAGE.iterdir()))
def test_every_file_of_the_page_comes_with_the_policy(site: Site, name: str) -> None:
    status, whole = ask(site, name)
    assert status == 200
    for header, value in HEADERS.items():
        assert f"{header}: {value}".encode() in whole
    assert b"http://" not in whole.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in whole
    assert b"innerHTML" not in whole


def test_a_route_of_the_api_is_asked_with_the_caller_s_signature(site: Site, api: FakeApi) -> None:
    status, whole = ask(site, f"v1/buckets/{TAX}/objects?limit=1&prefix=50%25+%2B%C3%BC")
    assert status == 200
    assert api.seen == [(f"/v1/buckets/{TAX}/objects", {"limit": "1", "prefix": "50% +ü"})]
    assert b"SECRET" not in whole
    assert b"secret" not in whole
    assert b"Signature" not in whole


def test_a_problem_of_the_api_comes_through(site: Site) -> None:
    status, whole = ask(site, "v1/buckets/nope/objects")
    assert status == 404
    assert b"bucket-not-tracked" in whole
    assert b"application/problem+json" in whole


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost:80"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["", "v1/buckets"])
def test_another_site_gets_nothing(
    site: Site, api: FakeApi, headers: dict[str, str], path: str
) -> None:
    """A name made to point to this machine (DNS rebinding), or a page that sends a browser."""
    assert ask(site, path, **headers)[0] == 403
    assert api.seen == []


@pytest.mark.parametrize(
    "target", ["!/", "!/index.html", "!/v1/buckets", "!/wrong/v1/buckets", "!//v1/buckets"]
)
def test_without_the_token_there_is_nothing(site: Site, api: FakeApi, target: str) -> None:
    assert ask(site, target)[0] == 404
    assert api.seen == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
def test_no_other_method_is_answered(site: Site, api: FakeApi, method: str) -> None:
    assert ask(site, "v1/redrives", method)[0] == 501
    assert api.seen == []


def change(
    site: Site, path: str, method: str = "POST", body: bytes = b"{}", **headers: str | None
) -> tuple[int, bytes]:
    """What the page itself sends, but for `headers`; None leaves one out."""
    sent = {
        "Origin": f"http://{site.host}",
        "Sec_Fetch_Site": "same-origin",
        "Content_Type": "application/json",
    } | headers
    connection = http.client.HTTPConnection(site.host, timeout=10)
    given = {name.replace("_", "-"): value for name, value in sent.items() if value is not None}
    connection.request(method, f"/{site.token}/{path}", body=body, headers=given)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_page_plans_and_cancels_redrives_with_the_callers_signature(
    site: Site, api: FakeApi
) -> None:
    api.redrives = World()
    api.redrives.fails("k")
    status, body = change(site, "v1/redrives", body=b'{"bucket": "src"}')
    assert status == 202
    made = json.loads(body)
    assert change(site, f"v1/redrives/{made['id']}", "DELETE")[0] == 202
    assert api.changes == [
        ("POST", "/v1/redrives", {"bucket": "src"}),
        ("DELETE", f"/v1/redrives/{made['id']}", {}),
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        ({"Sec_Fetch_Site": None}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Content_Type": "text/plain"}, 400),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 400),
    ],
)
def test_no_other_site_and_no_form_changes_anything(
    site: Site, api: FakeApi, headers: dict[str, str | None], status: int
) -> None:
    api.redrives = World()
    assert change(site, "v1/redrives", "POST", b"{}", **headers)[0] == status
    assert api.changes == []


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("v1/buckets", "POST"),
        ("v1/redrives", "DELETE"),
        ("v1/redrives/x", "POST"),
        ("v1/redrives/../x", "DELETE"),
        ("v1/redrives?dry_run=false", "POST"),
        ("index.html", "POST"),
    ],
)
def test_nothing_else_is_changed(site: Site, api: FakeApi, path: str, method: str) -> None:
    api.redrives = World()
    assert change(site, path, method)[0] == 404
    assert api.changes == []


def test_a_body_is_json_and_short(site: Site, api: FakeApi) -> None:
    api.redrives = World()
    assert change(site, "v1/redrives", body=b"{")[0] == 400
    assert change(site, "v1/redrives", body=b" " * 20_000)[0] == 413
    assert api.changes == []


@pytest.mark.parametrize(
    "path",
    [
        "v1/../v2/secrets",
        "v1/%2e%2e/x",
        "v1/buckets/a%2Fb/object",
        "v1//buckets",
        "v1/buckets?limit=1&limit=2",
        "v1/@evil.example/",
        "v2/buckets",
        "../serve.py",
        "%2e%2e/serve.py",
        "page/index.html",
        "__init__.py",
    ],
)
def test_no_other_path_leads_anywhere(site: Site, api: FakeApi, path: str) -> None:
    assert ask(site, path)[0] in (400, 404)
    assert api.seen == []


def test_open_serves_the_page_until_it_is_interrupted(api: FakeApi, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(
        json.dumps({"ApiUrl": api.url, "region": "eu-central-1", "endpoint_url": api.url})
    )
    command = [*["-m", "s3rt.main", "--outputs", str(outputs)], "open", "--no-browser", "--json"]
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(("lambdas", "."))},
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert httpx.get(url).status_code == 200
            assert httpx.get(f"{url}v1/health").json()["status"] == "ok"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_an_api_that_is_away_is_a_problem_the_page_can_show(site: Site) -> None:
    site.api.url = "http://127.0.0.1:1"
    status, whole = ask(site, "v1/buckets")
    assert status == 502
    body = json.loads(whole[whole.index(b"{") :])
    assert body["title"] == "The API does not answer"
