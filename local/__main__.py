"""`python -m local up|demo [--port 4566] [--state .local]` and `python -m local down`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from local import demo, demo_buckets, stack
from local.deploy import DeployError
from local.emulator.server import ServerError

_STATE = Path(".local")
_SIGNING = "aws:amz:us-east-1:execute-api"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the stack is up (or down) at the end, 1 when that failed."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    state_dir: Path = options.state
    if options.command == "down":
        ended = stack.down(state_dir)
        console.print("[green]down[/]" if ended else "nothing was running")
        return 0
    try:
        with console.status("starting the local stack"):
            outputs = stack.up(
                port=options.port,
                state_dir=state_dir,
                places=demo_buckets.PLACES,
                progress=lambda line: console.print(f"[green]✓[/] {line}"),
            )
    except (ServerError, DeployError) as error:
        console.print("[red]✗[/] the local stack is not up", style="bold")
        console.print(str(error), markup=False)
        return 1
    if options.command == "demo":
        try:
            return demo.run(console, outputs, state_dir, live=options.live)
        except KeyboardInterrupt:
            console.print("stopped; the stack stays up, `make down` ends it")
            return 130
    _show(console, outputs, state_dir)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the emulator, make demo buckets, deploy the tracker")
    demo_ = commands.add_parser("demo", help="up, then objects of every kind and the answers")
    demo_.add_argument("--live", action="store_true", help="then keep writing until Ctrl-C")
    for command in (up, demo_):
        command.add_argument(
            "--port", type=int, default=stack.DEFAULT_PORT, help="default: %(default)s"
        )
    down = commands.add_parser("down", help="end all of it")
    for command in (up, demo_, down):
        command.add_argument(
            "--state", type=Path, default=_STATE, help="where it keeps its files (%(default)s)"
        )
    return parser


def _show(console: Console, outputs: stack.Outputs, state_dir: Path) -> None:
    """One line each, never wrapped: they are there to be copied."""
    lines = {
        "API": outputs.api_url,
        "AWS endpoint": outputs.endpoint_url,
        "source": ", ".join(outputs.sources),
        "destinations": ", ".join(outputs.destinations),
        "all outputs": str(stack.outputs_file(state_dir)),
        "try": f"curl --aws-sigv4 {_SIGNING} --user test:test {outputs.api_url}/v1/health",
    }
    for name, value in lines.items():
        console.print(f"[bold]{name:14}[/]{value}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
