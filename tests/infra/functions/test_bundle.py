"""The functions' packages install for their platform and the result can be imported, with and
without bytecode."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.functions.bundle import Bundling
from tests.infra.synthesized import AT_DEPLOYMENTS, LAMBDAS, SERVICES

pytestmark = pytest.mark.bundling


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bundle")
    assert Bundling(LAMBDAS, compiler=None).try_bundle(str(output), {"image": None})
    return output


def test_sources_and_packages_stand_side_by_side(bundle: Path) -> None:
    for name in (*SERVICES, AT_DEPLOYMENTS, "replication", "boto3", "aws_lambda_powertools"):
        assert (bundle / name / "__init__.py").is_file(), name
    assert not (bundle / "requirements.in").exists()
    assert not list(bundle.rglob("__pycache__"))
    assert not (bundle / "bin").exists()


def test_native_code_is_built_for_the_functions_platform(bundle: Path) -> None:
    libraries = [path.name for path in bundle.rglob("*.so")]
    assert libraries
    assert all("cpython-314-aarch64" in name for name in libraries)


def test_it_stays_far_below_what_lambda_takes(bundle: Path) -> None:
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    assert size < 100 * 1024**2, "Lambda takes 250 MB"


def test_what_needs_no_native_code_imports_from_the_bundle_alone(bundle: Path) -> None:
    """In an interpreter that sees nothing else; the native parts are for another machine."""
    assert imported(bundle) == (0, "")


def imported(folder: Path) -> tuple[int, str]:
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r});"
        "import boto3, botocore, aws_lambda_powertools, jmespath, urllib3, record.handler as own;"
        f"modules = boto3, botocore, aws_lambda_powertools, jmespath, urllib3, own;"
        f"assert all(m.__file__.startswith({str(folder)!r}) for m in modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "POWERTOOLS_METRICS_NAMESPACE": "Tracker"},
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def with_bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For this Python, which stands in for the functions' own."""
    output = tmp_path_factory.mktemp("compiled")
    assert Bundling(LAMBDAS, compiler=Path(sys.executable)).try_bundle(str(output))
    return output


def test_bytecode_is_loaded_for_sources_and_packages(with_bytecode: Path, tmp_path: Path) -> None:
    """Sources that do not compile prove that none is compiled."""
    folder = tmp_path / "task"
    shutil.copytree(with_bytecode, folder)
    for source in folder.rglob("*.py"):
        source.write_text("this is no Python")
    assert imported(folder) == (0, "")


def test_two_bundles_with_bytecode_are_the_same(with_bytecode: Path, tmp_path: Path) -> None:
    output = tmp_path / "again"
    output.mkdir()
    assert Bundling(LAMBDAS, compiler=Path(sys.executable)).try_bundle(str(output))
    first, second = content(with_bytecode), content(output)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def content(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder): file.read_bytes() for file in files}


def test_a_bundle_with_bytecode_names_no_path_of_this_machine(with_bytecode: Path) -> None:
    for name, data in content(with_bytecode).items():
        assert str(with_bytecode).encode() not in data, name


def test_a_bundle_with_bytecode_adds_nothing_else(bundle: Path, with_bytecode: Path) -> None:
    added = content(with_bytecode).keys() - content(bundle).keys()
    assert added
    assert all(name.suffix == ".pyc" for name in added)
    assert len(added) == len(list(bundle.rglob("*.py")))
