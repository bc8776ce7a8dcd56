"""The how-to that lies in the package beside its files."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PackagedStack:
    """A stack, the file of its template, and its Region; None: wherever it is deployed to. Stacks
    in different places may have the same name."""

    name: str
    template: str
    region: str | None


def guide(stacks: Sequence[PackagedStack]) -> str:
    """Commands that deploy these stacks, in this order, from the folder of the package."""
    deployments = "\n".join(
        f"aws cloudformation deploy --stack-name {one.name} \\\n"
        f"    --template-file {one.template} --capabilities CAPABILITY_NAMED_IAM \\\n"
        f"{f'    --region {one.region} ' if one.region else '    '}"
        '--s3-bucket "$BUCKET" --s3-prefix "${PREFIX%/}" \\\n'
        '    --parameter-overrides AssetsBucket="$BUCKET" AssetsPrefix="$PREFIX"'
        for one in stacks
    )
    several = (
        "\nDeploy each stack with credentials of its own account, from a bucket in its own Region:"
        " upload the\nfiles there and set BUCKET anew before each command.\n"
        if len(stacks) > 1
        else ""
    )
    protections = "\n".join(
        "aws cloudformation update-termination-protection --enable-termination-protection \\\n"
        f"    --stack-name {one.name}"
        for one in stacks
        if one.name.endswith("-prod")
    )
    protected = (
        "\nA template cannot say that its stack is protected from deletion:\n\n"
        f"```\n{protections}\n```\n"
        if protections
        else ""
    )
    return f"""# S3 Replication Tracker without the CDK

These templates are made for the buckets and options that `make package` was given. You need a
bucket of your own in the stack's Region, with the files of this folder in it:

```
BUCKET=your-bucket PREFIX=tracker/
aws s3 sync . "s3://$BUCKET/$PREFIX" --exclude README.md
{deployments}
```
{several}
Keep the names of the stacks: `s3rt --stage` finds a stack by its name, and the stack knows its own
notifications by it. A new release, or other buckets: make the package again and run the same
commands; the names of the code files change with their contents, so leave the old ones in the
bucket while you may want to roll back. Terraform, permissions and removal: docs/without-cdk.md.
{protected}"""
