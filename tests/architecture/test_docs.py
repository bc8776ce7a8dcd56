"""What the documents name exists: links, files, commands, reason codes, the version."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from query import VERSION
from replication.errors import Reason
from s3rt.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/adr/*.md"),
    ]
)
IMPORT_ROOTS = (ROOT, ROOT / "lambdas", ROOT / "lambdas" / "replication")
"""Where a path may begin: documents name modules as the code imports them, or shorter."""
MADE = (".local/", ".venv/", "build/")
"""What `make` makes: it need not exist in a fresh checkout."""

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"[\w-][\w.-]*\.(?:py|md|json|toml|png|txt|js|html|css)")
_PATH = re.compile(r"\.?[\w-][\w.-]*(?:/[\w.-]*)+")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

OTHER_FILES = {"manifest.json", "november.csv", "tracker.toml", "topology.json"}
"""Files of S3, of deployers, of the bundle and of the examples."""


def prose(document: Path) -> str:
    """The text without fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def quoted(document: Path) -> list[str]:
    assert prose(document).count("`") % 2 == 0, "a backtick without its other one"
    return [re.sub(r"\s+", " ", one) for one in _CODE.findall(prose(document))]


def code(document: Path) -> str:
    """All that is set as code: what stands in backticks, and fenced blocks."""
    text = document.read_text(encoding="utf-8")
    return "\n".join([*_FENCE.findall(text), *quoted(document)])


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def exists(path: str) -> bool:
    """As written, or as a module without `.py`; a bare name such as `handler.py` is that of a file
    which several functions have."""
    if "/" not in path and len(list((ROOT / "lambdas").rglob(path))) > 1:
        return True
    names = (path, f"{path}.py") if not path.endswith("/") else (path,)
    return any((root / name).exists() for root in IMPORT_ROOTS for name in names)


def cells(table: str) -> Iterator[list[str]]:
    for line in table.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(prose(document)):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if heading:
            found = _HEADING.findall(target.read_text(encoding="utf-8"))
            assert heading in map(anchor, found), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_file_that_is_named_exists(document: Path) -> None:
    for text in quoted(document):
        is_path = _PATH.fullmatch(text) or _FILE.fullmatch(text)
        if is_path and text not in OTHER_FILES and not text.startswith(MADE):
            assert exists(text), text


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_is_named_exists(document: Path) -> None:
    text = code(document)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z][a-z-]*)", text):
        assert target in targets, f"make {target}"
    for module in re.findall(r"\bpython -m ([\w.]+)", text):
        assert importlib.util.find_spec(module), f"python -m {module}"
    commands = getattr(get_command(app), "commands")  # noqa: B009
    for name, below in re.findall(r"\bs3rt ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text):
        assert name in commands, f"s3rt {name}"
        if groups := getattr(commands[name], "commands", None):
            assert not below or below in groups, f"s3rt {name} {below}"


def test_every_decision_is_in_the_index_by_its_title() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    titles = {}
    for file in sorted(ROOT.glob("docs/adr/[0-9]*.md")):
        number, _, title = file.read_text(encoding="utf-8").partition("\n")[0][2:].partition(". ")
        assert file.name.startswith(f"{number:0>4}-"), file.name
        titles[file.name] = (number, title)
    rows = re.findall(r"^\| (\d+) \| \[(.+?)\]\((.+?)\) \| .+ \|$", index, re.MULTILINE)
    assert {file: (number, title) for number, title, file in rows} == titles


def test_the_table_of_reason_codes_is_the_enum() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Reason codes$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    rows = list(cells(section))[2:]
    assert [code for code, *_ in rows] == [f"`{reason}`" for reason in Reason]
    assert all(len(row) == 3 and all(row) for row in rows)


def test_one_version_is_named_everywhere() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, *_ = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changes, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert {project["version"], document["info"]["version"], newest} == {VERSION}


@pytest.mark.timeout(600)
def test_every_figure_of_the_costs_is_what_the_commands_print() -> None:
    """The blocks line by line, and every price in the sentences between them."""
    document = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    printed = []
    for module in ("bench.costs", "bench.checks"):
        command = [sys.executable, "-m", module]
        path = os.pathsep.join(map(str, (ROOT / "lambdas", ROOT)))
        environment = {**os.environ, "PYTHONPATH": path}
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        printed += ended.stdout.splitlines()
    blocks = "\n".join(one.strip("`\n") for one in _FENCE.findall(document)).splitlines()
    assert [line for line in blocks if line not in printed] == []
    prices = set(re.findall(r"\$ *([\d,]*\d\.\d\d)\b", "\n".join(printed)))
    assert [
        one
        for one in re.findall(r"\$([\d,]*\d\.\d\d)\b", prose(ROOT / "docs" / "costs.md"))
        if one not in prices
    ] == []
