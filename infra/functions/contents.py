"""The files of the bundle: our sources and the wheels of the locked packages. No CDK is needed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.functions.bytecode import UV

NOT_SHIPPED = ("__pycache__", "*.pyc", ".*", "requirements.in")


def fill(output: Path, lambdas: Path, *, wheels: Sequence[str] = ()) -> None:
    """Put the sources and the wheels into `output`, without bytecode.

    `wheels` are uv's options for which wheels to take; without them it takes those for this machine
    and this Python.

    Raises:
        subprocess.CalledProcessError: uv could not install; its output on stderr says why.
    """
    # Every version and hash comes from the committed lock file.
    subprocess.run(  # noqa: S603
        [
            *(str(UV), "pip", "install", "--quiet", "--no-config"),
            *("--python", sys.executable, "--target", str(output), *wheels),
            *("--only-binary", ":all:", "--require-hashes"),
            *("-r", str(lambdas / "requirements.txt")),
        ],
        check=True,
        # Else uv would compile with the Python that runs it.
        env=os.environ | {"UV_COMPILE_BYTECODE": "0"},
    )
    # Console scripts and uv's own lock file. The small *.dist-info folders stay: by them Amazon
    # Inspector recognizes the packages of a function.
    shutil.rmtree(output / "bin", ignore_errors=True)
    (output / ".lock").unlink(missing_ok=True)
    copy_sources(output, lambdas)


def copy_sources(output: Path, lambdas: Path) -> None:
    """Put the sources alone into `output`."""
    ignored = shutil.ignore_patterns(*NOT_SHIPPED)
    shutil.copytree(lambdas, output, ignore=ignored, dirs_exist_ok=True)


def shipped(lambdas: Path) -> Iterator[Path]:
    """Every file under `lambdas` that `fill` copies, in a fixed order."""
    for entry in sorted(lambdas.iterdir()):
        if any(entry.match(pattern) for pattern in NOT_SHIPPED):
            continue
        if entry.is_dir():
            yield from shipped(entry)
        else:
            yield entry
