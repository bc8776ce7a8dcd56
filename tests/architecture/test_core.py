"""The core is the standard library and itself: no AWS, no framework, no adapter."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "lambdas" / "replication").glob("*.py"))
MODULES = sorted(f"replication.{file.stem}" for file in CORE if file.stem != "__init__")


def imported(file: Path) -> set[str]:
    """Modules an import statement names, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.stem)
def test_a_core_module_imports_the_standard_library_and_the_core_alone(file: Path) -> None:
    for name in imported(file):
        top = name.partition(".")[0]
        assert top == "replication" or top in sys.stdlib_module_names, name
        assert not name.startswith("replication.adapters"), name


def test_the_import_contract_leaves_no_core_module_out() -> None:
    """A name that an `import` statement does not show (by way of another module) it finds."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (core,) = (one for one in contracts if one["name"].startswith("The core knows no AWS"))
    assert sorted(core["source_modules"]) == MODULES
