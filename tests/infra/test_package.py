"""A package of a tracker with a collector: a template for each, and commands in their order."""

import json
from pathlib import Path

import pytest
from aws_cdk import App

from infra.config import Config
from infra.deployer_policy import EVERY_OPTION
from infra.deployment import Deployment
from infra.guard import context_with
from infra.package import package, without_bootstrap
from infra.package_guide import PackagedStack, guide
from tests.infra.synthesized import LAMBDAS

TRACKER = "S3ReplicationTracker-prod"
COLLECTOR = "S3ReplicationTracker-prod-collector-222222222222-eu-west-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("package")
    file = work / "tracker.toml"
    file.write_text(EVERY_OPTION)
    app = App(context=context_with([f"topology={file}"]), outdir=str(work / "cdk.out"))
    Deployment(app, config=Config.from_context(app.node), lambdas=LAMBDAS)
    app.synth()
    package(work / "cdk.out", work / "made")
    return work / "made"


def test_each_stack_has_a_template_that_needs_no_bootstrap(folder: Path) -> None:
    for name in (TRACKER, COLLECTOR):
        template = json.loads((folder / f"{name}.template.json").read_text())
        assert {*template["Parameters"]} == {"AssetsBucket", "AssetsPrefix"}
        codes = [
            one["Properties"]["Code"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::Lambda::Function"
        ]
        assert codes
        for code in codes:
            assert code["S3Bucket"] == {"Ref": "AssetsBucket"}
            assert (folder / code["S3Key"]["Fn::Sub"].removeprefix("${AssetsPrefix}")).is_file()


def test_collectors_come_first_each_in_its_region_and_what_is_protected_is_named(
    folder: Path,
) -> None:
    said = (folder / "README.md").read_text()
    first, second = said.index(f"{COLLECTOR}.template.json"), said.index(f"{TRACKER}.template.json")
    assert first < second
    assert "--region eu-west-1 --s3-bucket" in said[first:second]
    assert "--region eu-central-1 --s3-bucket" in said[second:]
    assert "credentials of its own account" in said
    assert f"--stack-name {TRACKER}\n" in said.partition("update-termination-protection")[2]


def test_one_stack_that_may_be_anywhere_names_no_region() -> None:
    said = guide([PackagedStack("S3ReplicationTracker-dev", "t.json", None)])
    assert "--region" not in said
    assert "update-termination-protection" not in said


def test_an_asset_in_a_place_that_is_not_understood_is_refused() -> None:
    template = {"Resources": {"A": {"Properties": {"Url": "s3://cdk-hnb659fds-assets/x.zip"}}}}
    with pytest.raises(ValueError, match="not understood"):
        without_bootstrap(template, [])
