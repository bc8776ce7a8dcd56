"""What the documents say of the code is so."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from query import VERSION
from replication.errors import Reason

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    file for pattern in ("*.md", "docs/*.md", "docs/adr/*.md") for file in ROOT.glob(pattern)
)
FOLDERS = tuple(
    f"{one.name}/" for one in ROOT.iterdir() if one.is_dir() and not one.name.startswith(".")
)


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_every_reason_code_is_explained_and_no_other() -> None:
    operations = text_of(ROOT / "docs" / "operations.md")
    _, _, table = operations.partition("| `reason` | What it means | What to do |")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| [^|]+ \| [^|]+ \|$", table.split("\n\n")[0], re.M)
    assert rows == [reason.value for reason in Reason]


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_every_link_and_every_path_leads_somewhere(file: Path) -> None:
    text = text_of(file)
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert [link for link in links if not (file.parent / link).exists()] == []
    paths = [
        path.rstrip(".")
        for path in re.findall(r"`([A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*)`", text)
        if path.startswith(FOLDERS)
    ]
    made = ("node_modules", "cdk.out")
    assert [one for one in paths if not one.startswith(made) and not (ROOT / one).exists()] == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_every_command_of_make_exists(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.M))
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", text_of(file), re.M))
    assert named <= targets


def test_there_is_one_version() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    published = json.loads(text_of(ROOT / "docs" / "openapi.json"))["info"]
    newest = re.search(r"^## \[(\d[^]]*)\]", text_of(ROOT / "CHANGELOG.md"), re.M)
    assert newest
    assert project["version"] == published["version"] == newest[1] == VERSION
