"""`python -m local.emulator`: MiniStack with this project's patches, on loopback, in one process.

Environment: `GATEWAY_PORT` (default 4566), `MINISTACK_REGION` (default us-east-1), `LOCAL_S3_*`
(see `local.s3_replication.settings`), `LOCAL_DYNAMODB_*` (see `patches.statement_throttling`),
`LOCAL_EXIT_WITH_PARENT=1` to end when the parent process does, `AUTH=true` to hold everybody to
IAM's and the resources' policies.

Besides AWS's APIs it answers `/_ministack/health`, `/_local/s3`, `/_local/dynamodb` and
`/_local/mail`: GET tells the settings and the counts of the local S3 (and its lost events) and of
the local DynamoDB, PATCH with a JSON object changes settings by their name
(`{"event_drop_rate": 1}`, `{"statement_throttle_rate": 0.5}`). GET of the mail are the mails of
SNS's e-mail subscribers; PATCH `{"confirm": "someone@example.com"}` confirms a subscription.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.adjustable import SettingsError
from local.emulator.patches import apply_all
from local.emulator.patches.statement_throttling import TableSettings
from local.emulator.patches.wrap import PatchError
from local.s3_replication.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from local.emulator.patches import Adjusted

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
ADMIN_PATH = "/_local/"
_DEFAULT_PORT = 4566
_LARGEST_BODY = 64 * 1024
_PARENT_CHECK_SECONDS = 1.0


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit status is 2 when it cannot start."""
    port = int(os.environ.get("GATEWAY_PORT", _DEFAULT_PORT))
    _prepare_environment(port)
    try:
        settings, tables = Settings.from_env(os.environ), TableSettings.from_env(os.environ)
        asyncio.run(_serve(port, settings, tables))
    except (PatchError, SettingsError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 2
    finally:
        logging.shutdown()
    return 0


def _prepare_environment(port: int) -> None:
    """MiniStack reads its environment when it is imported, and its workers inherit it."""
    os.environ.update(
        GATEWAY_PORT=str(port),
        EDGE_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        LAMBDA_EXECUTOR="local",
        AWS_ENDPOINT_URL=f"http://{HOST}:{port}",
        # Of the workers that run the functions: see the module in there.
        PYTHONPATH=str(Path(__file__).parent / "worker_site"),
        PERSIST_STATE="0",
        S3_PERSIST="0",
        # Their ports are fixed, so that two emulators on one machine would collide.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    os.environ.setdefault("MINISTACK_REGION", "us-east-1")
    os.environ.setdefault("LOG_LEVEL", "INFO")


async def _serve(port: int, settings: Settings, tables: TableSettings) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    loop = asyncio.get_running_loop()
    adjusted = apply_all(loop, settings, tables)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    _allow_many_connections()
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    # Hypercorn takes the signals unless it is given a trigger; this one never fires.
    never = asyncio.Event()
    served = serve(_with_admin(app, adjusted), config, shutdown_trigger=never.wait)  # type: ignore[arg-type]
    server = asyncio.ensure_future(served)
    waits = {server, asyncio.ensure_future(stopping.wait())}
    if os.environ.get("LOCAL_EXIT_WITH_PARENT") == "1":
        waits.add(asyncio.ensure_future(_orphaned(os.getppid())))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        server.result()
    _end()


def _end() -> None:
    """End the Lambda workers and this process.

    MiniStack's own shutdown waits for services nobody started here, and its threads may wait for
    functions; all state is in memory, so there is nothing to lose.
    """
    from ministack.core import lambda_runtime

    lambda_runtime.reset()
    logging.shutdown()
    os._exit(0)


async def _orphaned(parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_CHECK_SECONDS)


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _with_admin(app: App, adjusted: Mapping[str, Adjusted]) -> App:
    """The emulator's application with the routes of what has settings in front."""
    paths = {f"{ADMIN_PATH}{name}": each for name, each in adjusted.items()}

    async def route(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in paths:
            await app(_secured(scope), receive, send)
            return
        status, answer = await _admin(scope["method"], receive, paths[scope["path"]])
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return route


def _secured(scope: dict[str, Any]) -> dict[str, Any]:
    """Policies that ask for TLS take a request on loopback for one."""
    if scope["type"] != "http":
        return scope
    return scope | {"headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}


async def _admin(method: str, receive: Receive, it: Adjusted) -> tuple[int, dict[str, Any]]:
    if method == "PATCH":
        try:
            values = json.loads(await _body(receive))
            if not isinstance(values, dict):
                return 400, {"error": "the body must be a JSON object of settings"}
            it.configure(values)
        except ValueError as error:
            return 400, {"error": str(error)}
    elif method != "GET":
        return 405, {"error": "GET or PATCH"}
    return 200, it.describe()


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > _LARGEST_BODY:
            raise ValueError(f"the body is over {_LARGEST_BODY} bytes")
        if not message.get("more_body"):
            return body


if __name__ == "__main__":
    sys.exit(main())
