"""Packaging of the functions: one asset, built without Docker."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

RUNTIME = lambda_.Runtime.PYTHON_3_14
PYTHON = RUNTIME.name.removeprefix("python")
PLATFORM = "aarch64-manylinux2014"

_NOT_SHIPPED = ("__pycache__", "*.pyc", ".*", "requirements.in")


def code_of(lambdas: Path, *, bundle_dependencies: bool) -> lambda_.Code:
    """One asset for all functions: the sources under `lambdas` and the packages they need.

    Without `bundle_dependencies` it contains only the sources, for a local emulator that has the
    packages. Its hash is that of the sources and the locked requirements, so nothing is deployed
    unless one of them changed.
    """
    if not bundle_dependencies:
        return lambda_.Code.from_asset(str(lambdas), exclude=list(_NOT_SHIPPED))
    return lambda_.Code.from_asset(
        str(lambdas),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=code_digest(lambdas),
        bundling=BundlingOptions(
            # Never pulled: the local bundler either succeeds or raises.
            image=DockerImage.from_registry("unused"),
            local=UvBundling(lambdas),
        ),
    )


@jsii.implements(ILocalBundling)
class UvBundling:
    """Installs wheels for the functions' platform with this environment's `uv`, without Docker."""

    def __init__(self, lambdas: Path) -> None:
        self._lambdas = lambdas

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        """Fill `output_dir` (called by CDK, which passes its options by position).

        Raises:
            subprocess.CalledProcessError: uv could not install; its output on stderr says why.
        """
        uv = Path(sys.executable).parent / "uv"
        # Every version and hash comes from the committed lock file.
        subprocess.run(  # noqa: S603
            [
                *(str(uv), "pip", "install", "--quiet", "--no-config"),
                *("--python", sys.executable, "--target", output_dir),
                *("--python-platform", PLATFORM, "--python-version", PYTHON),
                *("--only-binary", ":all:", "--require-hashes"),
                *("-r", str(self._lambdas / "requirements.txt")),
            ],
            check=True,
        )
        # Console scripts and uv's own lock file. The small *.dist-info folders stay: by them Amazon
        # Inspector recognizes the packages of a function.
        shutil.rmtree(Path(output_dir) / "bin", ignore_errors=True)
        (Path(output_dir) / ".lock").unlink(missing_ok=True)
        shutil.copytree(
            self._lambdas,
            output_dir,
            ignore=shutil.ignore_patterns(*_NOT_SHIPPED),
            dirs_exist_ok=True,
        )
        return True


def code_digest(lambdas: Path) -> str:
    """SHA-256 of what the bundle is made of: platform, sources and locked requirements."""
    digest = hashlib.sha256(f"{PYTHON}\0{PLATFORM}".encode())
    for file in _shipped(lambdas):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\0{file.relative_to(lambdas).as_posix()}\0{content}".encode())
    return digest.hexdigest()


def _shipped(root: Path) -> Iterator[Path]:
    for entry in sorted(root.iterdir()):
        if any(entry.match(pattern) for pattern in _NOT_SHIPPED):
            continue
        if entry.is_dir():
            yield from _shipped(entry)
        else:
            yield entry
