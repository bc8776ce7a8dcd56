"""`s3rt discover`: writes `tracker.toml` from the buckets there are, or compares it with them."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import NoCredentialsError

from s3rt import progress_bars, text
from s3rt.discovery import tracker_file
from s3rt.discovery.comparison import Difference, differences
from s3rt.discovery.tracker_file import DESTINATION, Declared, Home, NotReadable
from s3rt.discovery.world import Account, World, account_of, explore
from s3rt.exit_codes import ExitCode, Stop
from s3rt.options import Json
from s3rt.outputs import aws_session

FILE = Path("tracker.toml")
_HOME = re.compile(r"(\d{12})/([a-z]{2}[a-z0-9-]+-\d+)")


def home_place(written: str) -> Home:
    """`account/region`."""
    found = _HOME.fullmatch(written)
    if not found:
        raise typer.BadParameter(f"{written!r}: write account/region, 111111111111/eu-central-1")
    return Home(found[1], found[2])


def command(
    profile: Annotated[
        list[str] | None,
        typer.Option(help="A named profile for each account; without it your credentials"),
    ] = None,
    output: Annotated[Path, typer.Option(help="The file to write; - for standard output")] = FILE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists")] = False,
    stage: Annotated[str, typer.Option(help="The stage to write into the file")] = "dev",
    home: Annotated[
        Home | None,
        typer.Option(
            parser=home_place,
            metavar="ACCOUNT/REGION",
            help="Where the tracker will be; without it your account and Region",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only sources of such a name: 'orders-*'")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Compare this file with what there is; write nothing")
    ] = None,
    json: Json = False,
) -> None:
    """Finds the buckets that replicate, and writes or checks tracker.toml.

    Lists the buckets of each profile's account, reads their rules, and follows these to the
    destinations. With --check exit code 6 when something differs, 5 when nothing does and
    something could not be read.
    """
    if check is None and str(output) != "-" and output.exists() and not force:
        raise Stop(f"{output} exists; compare it with --check, or --force", ExitCode.USAGE)
    accounts = _accounts(profile or [])
    place = home or _own(accounts[0])
    if check is None:
        world = _explored(accounts, only or [], json=json)
        _write(world, place, stage, output)
        return
    try:
        _, declared = tracker_file.read(check.read_text(), place)
    except (NotReadable, UnicodeDecodeError) as error:
        raise Stop(f"{check}: {error}", ExitCode.USAGE) from error
    world = _explored(accounts, only or [], list(declared.values()), json=json)
    found = differences(world, declared, whole=not only)
    _show(world, found, json=json)
    if found:
        raise typer.Exit(ExitCode.DIFFERS)
    if world.unread:
        raise typer.Exit(ExitCode.UNREACHABLE)


def _accounts(profiles: list[str]) -> tuple[Account, ...]:
    """Each account once."""
    sessions = [(aws_session(profile=name), f"profile {name}") for name in profiles]
    found: dict[str, Account] = {}
    for session, label in sessions or [(aws_session(), "the default credentials")]:
        if session.get_credentials() is None:
            raise NoCredentialsError
        account = account_of(session, label)
        found.setdefault(account.number, account)
    return tuple(found.values())


def _own(account: Account) -> Home:
    region = account.session.region_name
    if not region:
        raise Stop("the Region of the tracker is not known; give --home", ExitCode.USAGE)
    return Home(account.number, region)


def _explored(
    accounts: tuple[Account, ...],
    only: list[str],
    declared: Sequence[Declared] = (),
    *,
    json: bool,
) -> World:
    with ExitStack() as stack:
        return explore(
            accounts,
            only=only,
            sources=[one.bucket for one in declared if one.role != DESTINATION],
            others=[one.bucket for one in declared if one.role == DESTINATION],
            watched=lambda total: stack.enter_context(
                progress_bars.bar("buckets", total, quiet=json)
            ),
        )


def _write(world: World, home: Home, stage: str, output: Path) -> None:
    written = tracker_file.written(world, home, stage)
    found = tracker_file.roles(world)
    out = text.errors()
    for problem in world.unread:
        out.print(text.plain(f"not read: {problem}", "yellow"))
    if not found:
        raise Stop("no bucket with enabled replication rules was found", ExitCode.NOT_TRACKED)
    if str(output) == "-":
        typer.echo(written, nl=False)
        return
    output.write_text(written)
    left_out = written.count("# Not tracked yet: ")
    out.print(f"{output}: {len(found) - left_out} buckets, {left_out} more as comments")


def _show(world: World, found: list[Difference], *, json: bool) -> None:
    if json:
        text.as_json({"differences": [one.as_json() for one in found], "not_read": world.unread})
        return
    out = text.console()
    for one in found:
        out.print(text.plain(f"{one.bucket}: {one.kind}", "bold red"))
        out.print(text.plain(f"    {one.finding}"))
        out.print(text.plain(f"    fix: {one.fix}", "green"))
    for problem in world.unread:
        out.print(text.plain(f"not read: {problem}", "yellow"))
    if not found:
        known = "As far as it could be read, the" if world.unread else "The"
        out.print(text.plain(f"{known} file agrees with what there is.", "green"))
