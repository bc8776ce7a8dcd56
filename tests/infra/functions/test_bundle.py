"""The functions' packages install for their platform and the result can be imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.functions.bundle import UvBundling
from tests.infra.synthesized import AT_DEPLOYMENTS, LAMBDAS, SERVICES

pytestmark = pytest.mark.bundling


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bundle")
    assert UvBundling(LAMBDAS).try_bundle(str(output), {"image": None})
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
    code = (
        f"import sys; sys.path.insert(0, {str(bundle)!r});"
        "import boto3, botocore, aws_lambda_powertools, jmespath, urllib3, replication;"
        "assert all('bundle' in m.__file__ for m in (boto3, botocore, aws_lambda_powertools))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stderr) == (0, "")
