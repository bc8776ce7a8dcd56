"""The stack as files that deploy without the CDK: templates, the functions' code and a how-to.

    python -m infra.package -c source_buckets=a -c destination_buckets=b

The app is synthesized as always. Then each template gets two parameters, `AssetsBucket` and
`AssetsPrefix`, in place of the bucket that `cdk bootstrap` makes, and loses what asks for that
bootstrap. Nothing else changes. Exit status 1 when the app refuses its context; it says why.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.guard import context_with
from infra.package_guide import PackagedStack, guide

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "package"
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "AssetsBucket": {
        "Type": "String",
        "Description": "The bucket with the files of the package, in the Region of this stack",
    },
    "AssetsPrefix": {
        "Type": "String",
        "Default": "",
        "Description": "What the keys of these files begin with, such as tracker/; or nothing",
    },
}
_BOOTSTRAP = ("BootstrapVersion", "CheckBootstrapVersion")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file knows: the same files make the same bytes."""

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asset:
    """A folder or file of the synthesized app, and where CDK would have put it."""

    source: Path
    bucket: str
    key: str
    """The name of the file in the package as well."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.package", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="name=value")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if status := synthesize(Path(folder), context_with(options.context)):
            return status
        made = package(Path(folder), options.output)
    print("\n".join(f"{path}  {path.stat().st_size:,} bytes" for path in made))  # noqa: T201
    return 0


def synthesize(assembly: Path, context: Mapping[str, str]) -> int:
    """Runs app.py into `assembly`; its exit status."""
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        check=False,
        env=os.environ
        | {
            "CDK_OUTDIR": str(assembly),
            "CDK_CONTEXT_JSON": json.dumps(context),
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20",
        },
    ).returncode


def package(assembly: Path, output: Path) -> list[Path]:
    """The files of the package, made anew in `output` of what was synthesized into `assembly`."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    assets = list({one.key: one for one in _assets(assembly, artifacts.values())}.values())
    made = [_zipped(one, output) for one in assets]
    stacks = []
    for name, artifact in artifacts.items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        properties = artifact["properties"]
        template = json.loads((assembly / properties["templateFile"]).read_text())
        file = output / f"{name}.template.json"
        # Without blanks: CloudFormation takes a template of one megabyte.
        file.write_text(json.dumps(without_bootstrap(template, assets), separators=(",", ":")))
        made.append(file)
        region = artifact["environment"].rpartition("/")[2]
        stacks.append(
            PackagedStack(
                properties.get("stackName", name),
                file.name,
                None if region == "unknown-region" else region,
            )
        )
    howto = output / "README.md"
    howto.write_text(guide(stacks))
    return [*made, howto]


def without_bootstrap(template: Template, assets: Sequence[Asset]) -> Template:
    """The template with its code where the parameters say. ValueError when something still needs
    CDK's bootstrap."""
    places = {(one.bucket, one.key) for one in assets}
    changed: Template = _replaced(template, places)
    for section in ("Parameters", "Rules"):
        kept = {k: v for k, v in changed.pop(section, {}).items() if k not in _BOOTSTRAP}
        if kept:
            changed[section] = kept
    changed["Parameters"] = {**changed.get("Parameters", {}), **PARAMETERS}
    if "cdk-hnb659fds" in json.dumps(changed):
        raise ValueError("the template has an asset in a place that is not understood")
    return changed


def _replaced(value: Any, places: set[tuple[str, str]]) -> Any:
    match value:
        case {"S3Bucket": {"Fn::Sub": str(bucket)} | str(bucket), "S3Key": str(key), **others}:
            if (bucket, key) in places:
                return {
                    **others,
                    "S3Bucket": {"Ref": "AssetsBucket"},
                    "S3Key": {"Fn::Sub": f"${{AssetsPrefix}}{key}"},
                }
            return value
        case dict():
            return {name: _replaced(inner, places) for name, inner in value.items()}
        case list():
            return [_replaced(inner, places) for inner in value]
        case _:
            return value


def _assets(assembly: Path, artifacts: Any) -> Iterator[Asset]:
    for artifact in artifacts:
        if artifact["type"] != "cdk:asset-manifest":
            continue
        manifest = json.loads((assembly / artifact["properties"]["file"]).read_text())
        for file in manifest["files"].values():
            if file["source"]["packaging"] != "zip":
                continue  # the template itself
            for place in file["destinations"].values():
                source = assembly / file["source"]["path"]
                yield Asset(source, place["bucketName"], place["objectKey"])


def _zipped(asset: Asset, output: Path) -> Path:
    made = output / asset.key
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(asset.source.rglob("*")):
            if not file.is_file():
                continue
            entry = zipfile.ZipInfo(file.relative_to(asset.source).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return made


if __name__ == "__main__":
    sys.exit(main())
