"""Shipped bytecode is what a function loads, names no builder's path and is always the same."""

import marshal
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from aws_cdk import App, Stack

from infra.functions.bundle import PYTHON, code_of
from infra.functions.bytecode import compile_all, interpreter_of
from tests.infra.synthesized import LAMBDAS

HERE = Path(sys.executable)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_HEADER = 16
"""Bytes before the code: magic number, flags, hash of the source."""


def sources(folder: Path) -> Path:
    """A copy of what is ours, without what running it has left behind."""
    shutil.copytree(LAMBDAS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = sources(tmp_path_factory.mktemp("compiled") / "task")
    compile_all(folder, python=HERE)
    return folder


def bytecode(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*.pyc")}


def test_every_module_has_bytecode(compiled: Path) -> None:
    modules = {source.stem for source in compiled.rglob("*.py")}
    assert modules
    assert len(bytecode(compiled)) == len(list(compiled.rglob("*.py")))
    assert {Path(name).name.split(".")[0] for name in bytecode(compiled)} == modules


def test_it_is_loaded_without_a_look_at_the_source(compiled: Path, tmp_path: Path) -> None:
    """Sources that do not compile and have another time prove it."""
    task = tmp_path / "task"
    shutil.copytree(compiled, task)
    for source in task.rglob("*.py"):
        source.write_text("this is no Python")
    before = bytecode(task)
    code = "import replication.times, replication.message; print(replication.times.__file__)"
    done = imported(task, code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(task / "replication" / "times.py")
    assert bytecode(task) == before

    shutil.rmtree(task / "replication" / "__pycache__")
    assert "SyntaxError" in imported(task, code).stderr, "else this test proves nothing"


def imported(task: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` in an interpreter that sees nothing but `task` and writes no bytecode."""
    return subprocess.run(
        [
            str(HERE),
            "-I",
            "-S",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, {str(task)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_same_sources_give_the_same_bytes_wherever_they_are(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "elsewhere"))
    other = sources(tmp_path / "a" / "longer" / "path")
    compile_all(other, python=HERE)
    assert bytecode(other) == bytecode(compiled)


def test_it_names_the_sources_where_they_are_on_lambda(compiled: Path) -> None:
    for name, content in bytecode(compiled).items():
        assert str(compiled.parent).encode() not in content, name
        outermost = marshal.loads(content[_HEADER:])  # noqa: S302
        names = {code.co_filename for code in nested(outermost)}
        folder = Path(name).parent.parent
        assert names == {f"/var/task/{folder / Path(name).name.split('.')[0]}.py"}


def nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def test_a_module_that_does_not_compile_stops_the_synthesis(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("this is no Python")
    with pytest.raises(subprocess.CalledProcessError):
        compile_all(tmp_path, python=HERE)


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return path


def test_the_running_python_needs_no_search(tmp_path: Path) -> None:
    assert interpreter_of(VERSION, uv=tmp_path / "none") == HERE


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ("cpython-399 final 0", True),
        ("cpython-399 candidate 0", False),
        ("cpython-399 final 1", False),
        ("cpython-398 final 0", False),
    ],
)
def test_what_uv_finds_must_be_of_exactly_that_version(
    tmp_path: Path, answer: str, *, fits: bool
) -> None:
    found = program(tmp_path / "python", f"echo {answer}")
    uv = program(tmp_path / "uv", f'[ "$2" = find ] && echo {found}')
    assert interpreter_of("3.99", uv=uv) == (found if fits else None)


def test_what_uv_does_not_find_it_downloads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = program(tmp_path / "python", "echo cpython-399 final 0")
    mark = tmp_path / "installed"
    uv = program(
        tmp_path / "uv",
        f'if [ "$2" = install ]; then touch {mark}; echo Installed >&2; exit; fi',
        f"[ -e {mark} ] && echo {python}",
    )
    assert interpreter_of("3.99", uv=uv) == python
    assert capsys.readouterr().err == "Installed\n"


def test_where_nothing_can_be_downloaded_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uv = program(tmp_path / "uv", "echo error: no network >&2", "exit 1")
    assert interpreter_of("3.99", uv=uv) is None
    assert capsys.readouterr().err == "", "the warning of the stack says it, once"


def warnings(stack: Stack) -> list[str]:
    return [str(entry.data) for entry in stack.node.metadata if entry.type == "aws:cdk:warning"]


def test_the_deployer_is_told_what_to_do_for_bytecode() -> None:
    stack = Stack(App(), "Tracker")
    code_of(stack, LAMBDAS, bundle_dependencies=True, compiler_of=lambda _version: None)
    (warning,) = warnings(stack)
    assert f"uv python install {PYTHON}" in warning
    assert "\n" not in warning


def test_with_a_compiler_there_is_nothing_to_say() -> None:
    asked: list[str] = []

    def compiler_of(version: str) -> Path:
        asked.append(version)
        return HERE

    stack = Stack(App(), "Tracker")
    code_of(stack, LAMBDAS, bundle_dependencies=True, compiler_of=compiler_of)
    assert warnings(stack) == []
    assert asked == [PYTHON]


@pytest.mark.parametrize(
    ("context", "bundle"),
    [({"aws:cdk:bundling-stacks": []}, True), ({}, False)],
    ids=["a command that makes no bundle", "the local emulator"],
)
def test_no_compiler_is_looked_for_without_a_bundle(
    context: dict[str, object], *, bundle: bool
) -> None:
    def compiler_of(version: str) -> Path:
        raise AssertionError(version)

    stack = Stack(App(context=context), "Tracker")
    code_of(stack, LAMBDAS, bundle_dependencies=bundle, compiler_of=compiler_of)
    assert warnings(stack) == []
