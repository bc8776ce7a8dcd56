"""What a room may import, and what a function loads. The layers are contracts of import-linter."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"
ROOMS = LAMBDAS / "replication"
CORE = sorted(file for file in ROOMS.rglob("*.py") if "aws" not in file.relative_to(ROOMS).parts)
HANDLERS = sorted(file.parent.name for file in LAMBDAS.glob("*/handler.py"))
LISTS = [
    "query",
    "replication.aws.table.index_reads",
    "replication.ledger.index",
    "replication.ledger.version_items",
    "replication.ledger.watermark",
    "replication.published.row",
]
"""What answers questions is made of."""
KEPT_OUT = {
    "announce": ["replication.aws.table.ledger", "replication.aws.s3"],
    "backfill": ["query", "replication.aws.table.index_reads"],
    "notifications": ["query", "replication.aws.table", "replication.aws.sns"],
    "publish": ["query", "replication.aws.table", "replication.aws.s3", "replication.counters"],
    "query": ["replication.aws.table.ledger", "replication.aws.s3"],
    "reconcile": ["query", "replication.counters", "replication.aws.sns"],
    "redrive": ["query", "replication.aws.table.ledger", "replication.aws.sns"],
    "record": [*LISTS, "replication.counters", "replication.published", "replication.aws.sns"],
    "summarize": ["query", "replication.aws.s3", "replication.aws.table.ledger"],
}
"""What no cold start of a function may import, beside pydantic."""


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


@pytest.mark.parametrize("file", CORE, ids=lambda file: str(file.relative_to(ROOMS)))
def test_a_core_module_imports_the_standard_library_and_the_core_alone(file: Path) -> None:
    for name in imported(file):
        top = name.partition(".")[0]
        assert top == "replication" or top in sys.stdlib_module_names, name
        assert not name.startswith("replication.aws"), name


def test_every_function_says_what_it_keeps_out() -> None:
    assert sorted(KEPT_OUT) == HANDLERS


@pytest.mark.parametrize("function", HANDLERS)
def test_a_cold_start_imports_no_more_than_it_uses(function: str) -> None:
    code = f"import json, sys, {function}.handler; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=LAMBDAS,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    kept_out = {*KEPT_OUT[function], *([] if function == "query" else ["pydantic"])}
    assert not kept_out & set(json.loads(found.stdout))


@pytest.mark.parametrize("function", HANDLERS)
def test_every_wiring_has_one_shape(function: str) -> None:
    """`service()`, made once a process; whoever reads a handler knows where its parts come from."""
    tree = ast.parse((LAMBDAS / function / "wiring.py").read_text(encoding="utf-8"))
    (service,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "service"
    )
    assert [ast.unparse(one) for one in service.decorator_list] == ["cache"]
    assert not service.args.args
