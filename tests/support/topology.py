"""The file of a deployment's buckets, as the functions find it beside their code."""

import atexit
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory()
atexit.register(_FOLDER.cleanup)


def topology_file(
    sources: str = "", destinations: str = "", places: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Path for TOPOLOGY_FILE. Names are separated by commas; `places` has region, account and
    role_arn of buckets that are not at home."""
    ours, theirs, elsewhere = sources.split(","), destinations.split(","), places or {}
    buckets = {
        name: {"source": name in ours, "destination": name in theirs, **elsewhere.get(name, {})}
        for name in sorted({*ours, *theirs, *elsewhere} - {""})
    }
    with tempfile.NamedTemporaryFile("w", dir=_FOLDER.name, suffix=".json", delete=False) as file:
        json.dump({"buckets": buckets}, file)
    return str(Path(file.name))
