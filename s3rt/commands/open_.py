"""`s3rt open`: the page in a browser."""

import signal
import threading
import webbrowser
from typing import Annotated

import typer

from s3rt import text
from s3rt.options import Json, api_of
from s3rt.page_server import serving_page


def command(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser there")] = True,
    json: Json = False,
) -> None:
    """The page: routes, incidents, failures and the life of any object. Served on this machine
    alone; it asks the API with your credentials, which stay in this process. Ctrl-C ends it."""
    with api_of(context) as api, serving_page(api, port) as site:
        if json:
            text.json_line({"url": site.url})
        else:
            text.console().print(f"{site.url}\nOnly this address works. Ctrl-C ends it.")
        if browser:
            webbrowser.open(site.url)
        # A shell that starts it in the background leaves SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
