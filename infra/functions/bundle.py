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
from infra.functions.contents import copy_sources, fill, shipped
from infra.functions.topology_file import NAME

RUNTIME = lambda_.Runtime.PYTHON_3_14
PYTHON = RUNTIME.name.removeprefix("python")
PLATFORM = "aarch64-manylinux2014"


def code_of(
    scope: Construct,
    lambdas: Path,
    *,
    bundle_dependencies: bool,
    topology: str | None = None,
    compiler_of: Callable[[str], Path | None] = interpreter_of,
) -> lambda_.Code:
    """One asset for all functions: the sources under `lambdas`, the packages they need, and the
    bytecode of both.

    Without `bundle_dependencies` it contains only the sources, for a local emulator that has the
    packages. `topology` is the text of the file with the buckets; the function of custom resources
    needs none. The asset's hash is that of this text, the sources, the locked requirements and
    whether there is bytecode, so nothing is deployed unless one of them changed. `compiler_of`
    finds a Python of the functions' version; where there is none, a warning at `scope` says that
    bytecode is missing.
    """
    compiler = None
    # Not for `cdk list` and `cdk destroy`, which make no bundle.
    if bundle_dependencies and Stack.of(scope).bundling_required:
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
        asset_hash=code_digest(
            lambdas,
            bytecode=compiler is not None,
            dependencies=bundle_dependencies,
            topology=topology,
        ),
        bundling=BundlingOptions(
            # Never pulled: the local bundler either succeeds or raises.
            image=DockerImage.from_registry("unused"),
            local=Bundling(
                lambdas, dependencies=bundle_dependencies, compiler=compiler, topology=topology
            ),
        ),
    )


@jsii.implements(ILocalBundling)
class Bundling:
    """Makes the bundle without Docker. Dependencies come from this environment's `uv`; there is
    bytecode if there is a `compiler`, which must be a Python of the functions' version."""

    def __init__(
        self,
        lambdas: Path,
        *,
        compiler: Path | None,
        dependencies: bool = True,
        topology: str | None = None,
    ) -> None:
        self._lambdas = lambdas
        self._dependencies = dependencies
        self._compiler = compiler
        self._topology = topology

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        """Fill `output_dir` (called by CDK, which passes its options by position).

        Raises:
            subprocess.CalledProcessError: uv could not install or a module does not compile; the
                output says why.
        """
        if self._dependencies:
            wheels = ("--python-platform", PLATFORM, "--python-version", PYTHON)
            fill(Path(output_dir), self._lambdas, wheels=wheels)
        else:
            copy_sources(Path(output_dir), self._lambdas)
        if self._topology is not None:
            (Path(output_dir) / NAME).write_text(self._topology)
        if self._compiler:
            compile_all(Path(output_dir), python=self._compiler)
        return True


def code_digest(
    lambdas: Path, *, bytecode: bool, dependencies: bool = True, topology: str | None = None
) -> str:
    """SHA-256 of what the bundle is made of: platform, whether it has bytecode and packages, the
    file with the buckets, sources and locked requirements."""
    kind = f"bytecode={bytecode} dependencies={dependencies}"
    digest = hashlib.sha256(f"{PYTHON}\0{PLATFORM}\0{kind}\0{topology}".encode())
    for file in shipped(lambdas):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"\0{file.relative_to(lambdas).as_posix()}\0{content}".encode())
    return digest.hexdigest()
