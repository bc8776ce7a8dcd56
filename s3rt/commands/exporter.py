"""`s3rt exporter`: how every route stands, for Prometheus."""

import re
import signal
import threading
import time
from functools import partial
from typing import Annotated

import typer

from s3rt import text
from s3rt.exit_codes import ExitCode, Stop, message_and_code
from s3rt.options import api_of, duration

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\[\]]+):(\d{1,5})")


def command(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where Prometheus scrapes; port 0: any free")
    ] = "127.0.0.1:9464",
    interval: Annotated[
        float,
        typer.Option(parser=duration, metavar="DURATION", help="Between two readings of the API"),
    ] = "30s",  # type: ignore[assignment]
) -> None:
    """Metrics of every route at http://HOST:PORT/metrics: counts, bytes, the oldest pending, the
    watermark, latencies, open incidents. The API is asked at most once in an interval, however
    often it is scraped. Anybody who reaches the port can read them. Ctrl-C ends it."""
    try:
        from prometheus_client import CollectorRegistry, start_http_server

        from s3rt.exporter import RouteCollector, read
    except ImportError:
        raise Stop(
            "the exporter needs prometheus-client: pip install 's3-replication-tracker[exporter]'",
            ExitCode.USAGE,
        ) from None
    if interval < 5:
        raise Stop("an interval under 5 seconds asks the API more than it helps", ExitCode.USAGE)
    host, port = _address(listen)
    registry = CollectorRegistry()
    with api_of(context) as api:
        registry.register(RouteCollector(partial(read, api), interval, time.monotonic, _say))
        server, thread = start_http_server(port, host, registry)
        text.console().print(f"http://{listen.rpartition(':')[0]}:{server.server_port}/metrics")
        # A shell that starts it in the background leaves SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _address(listen: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(listen)
    if not found or int(found[2]) > 65_535:
        raise typer.BadParameter(f"{listen!r} is no address; write 127.0.0.1:9464")
    return found[1].strip("[]"), int(found[2])


def _say(error: Exception) -> None:
    text.errors().print(text.plain(f"s3rt: {message_and_code(error)[0]}", "red"))
