"""Compiling of what is shipped, so that a cold start loads modules and compiles none.

The folder of a function is read-only on Lambda: what Python compiles there is never kept, and every
new process would compile every module again.
"""

import os
import subprocess
import sys
from pathlib import Path

UV = Path(sys.executable).parent / "uv"
ON_LAMBDA = "/var/task"
"""Where Lambda unpacks a function."""

_DESCRIBE = (
    "import sys, sysconfig; print(sys.implementation.cache_tag, sys.version_info.releaselevel,"
    " sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
)


def compile_all(folder: Path, *, python: Path) -> None:
    """Put the bytecode of every module under `folder` beside it, compiled by `python`.

    It is loaded without a look at the source or its time, which packing does not keep; a Python of
    another minor version passes it over and compiles. It names the sources where they are on
    Lambda, and the same sources give the same bytes wherever `folder` is.

    Raises:
        subprocess.CalledProcessError: a module does not compile; the output says which and why.
    """
    subprocess.run(  # noqa: S603
        [
            *(str(python), "-P", "-s", "-W", "ignore"),
            # One process with one order of files: with several, the bytes would depend on which
            # of them took which file (https://github.com/python/cpython/issues/129724).
            *("-m", "compileall", "-q", "-f", "-j", "1"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", ON_LAMBDA, str(folder)),
        ],
        check=True,
        env=_environment(PYTHONHASHSEED="0"),
    )


def interpreter_of(version: str, *, uv: Path = UV) -> Path | None:
    """A CPython of exactly this minor version, such as "3.14".

    It is the running one, or one that `uv` finds, or one that `uv` downloads to where it keeps its
    own (not onto the PATH). None if there is none and none could be downloaded.
    """
    running = Path(sys.executable)
    if _fits(running, version):
        return running
    return _found(uv, version) or _installed(uv, version)


def _found(uv: Path, version: str, *options: str) -> Path | None:
    done = _run(uv, "python", "find", "--no-config", "--no-project", *options, f"cpython@{version}")
    found = Path(done.stdout.strip())
    return found if done.returncode == 0 and _fits(found, version) else None


def _installed(uv: Path, version: str) -> Path | None:
    done = _run(uv, "python", "install", "--no-config", "--no-bin", f"cpython@{version}")
    if done.returncode != 0:
        return None
    sys.stderr.write(done.stderr)  # the deployer reads what is new on this machine
    return _found(uv, version, "--managed-python")


def _fits(python: Path, version: str) -> bool:
    """Whether the runtime takes its bytecode: previews and free-threaded builds differ."""
    done = _run(python, "-I", "-c", _DESCRIBE)
    return done.stdout.split() == [f"cpython-{version.replace('.', '')}", "final", "0"]


def _run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Where nothing can be downloaded, a second try need not follow a second and a third.
    environment = {"UV_HTTP_RETRIES": "1"} | _environment()
    return subprocess.run(  # noqa: S603
        [str(program), *arguments], capture_output=True, text=True, check=False, env=environment
    )


def _environment(**more: str) -> dict[str, str]:
    """This process's, without what would change what Python compiles or where it puts it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | more
