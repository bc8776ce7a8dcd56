"""Packaging of the functions: one asset, built without Docker."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import jsii
from aws_cdk import (
    Annotations,
    AssetHashType,
    BundlingOptions,
    DockerImage,
    ILocalBundling,
    Stack,
)
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.functions.bytecode import compile_all, interpreter_of
from infra.functions.contents import NOT_SHIPPED, fill, shipped

RUNTIME = lambda_.Runtime.PYTHON_3_14
PYTHON = RUNTIME.name.removeprefix("python")
PLATFORM = "aarch64-manylinux2014"


def code_of(
    scope: Construct,
    lambdas: Path,
    *,
    bundle_dependencies: bool,
    compiler_of: Callable[[str], Path | None] = interpreter_of,
) -> lambda_.Code:
    """One asset for all functions: the sources under `lambdas`, the packages they need, and the
    bytecode of both.

    Without `bundle_dependencies` it contains only the sources, for a local emulator that has the
    packages. Its hash is that of the sources, the locked requirements and whether there is
    bytecode, so nothing is deployed unless one of them changed. `compiler_of` finds a Python of
    the functions' version; where there is none, a warning at `scope` says that bytecode is missing.
    """
    if not bundle_dependencies:
        return lambda_.Code.from_asset(str(lambdas), exclude=list(NOT_SHIPPED))
    compiler = None
    # Not for `cdk list` and `cdk destroy`, which make no bundle.
    if Stack.of(scope).bundling_required:
        compiler = compiler_of(PYTHON)
        if compiler is None:
            Annotations.of(scope).add_warning_v2(
                "s3-replication-tracker:no-bytecode",
                f"No Python {PYTHON} was found and none could be downloaded: the functions are "
                "shipped without bytecode and every cold start compiles them; install it, for "
                f"example with `.venv/bin/uv python install {PYTHON}`, and try again",
            )
    return lambda_.Code.from_asset(
        str(lambdas),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=code_digest(lambdas, bytecode=compiler is not None),
        bundling=BundlingOptions(
            # Never pulled: the local bundler either succeeds or raises.
            image=DockerImage.from_registry("unused"),
            local=UvBundling(lambdas, compiler=compiler),
        ),
    )


@jsii.implements(ILocalBundling)
class UvBundling:
    """Makes the bundle with this environment's `uv`, without Docker; with bytecode if there is a
    `compiler`, which must be a Python of the functions' version."""

    def __init__(self, lambdas: Path, *, compiler: Path | None) -> None:
        self._lambdas = lambdas
        self._compiler = compiler

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        """Fill `output_dir` (called by CDK, which passes its options by position).

        Raises:
            subprocess.CalledProcessError: uv could not install or a module does not compile; the
                output says why.
        """
        wheels = ("--python-platform", PLATFORM, "--python-version", PYTHON)
        fill(Path(output_dir), self._lambdas, wheels=wheels)
        if self._compiler:
            compile_all(Path(output_dir), python=self._compiler)
        return True


def code_digest(lambdas: Path, *, bytecode: bool) -> str:
    """SHA-256 of what the bundle is made of: platform, whether it has bytecode, sources and locked
    requirements."""
    kind = "bytecode" if bytecode else "sources"
    digest = hashlib.sha256(f"{PYTHON}\0{PLATFORM}\0{kind}".encode())
    for file in shipped(lambdas):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\0{file.relative_to(lambdas).as_posix()}\0{content}".encode())
    return digest.hexdigest()
