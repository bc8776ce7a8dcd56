"""The CDK app: one stack for each stage. infra/config.py has the context values and defaults."""

import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.config import Config, ContextError
from infra.limits import excesses
from infra.stack import TrackerStack

PROJECT = Path(__file__).parent

app = App()
try:
    config = Config.from_context(app.node, PROJECT)
except ContextError as error:
    sys.exit(str(error))

stack = TrackerStack(
    app,
    f"S3ReplicationTracker-{config.stage}",
    config=config,
    lambdas=PROJECT / "lambdas",
)
Validations.of(app).add_plugins(AwsSolutionsChecks(app))
template = app.synth().get_stack_artifact(stack.artifact_id).template
if problems := excesses(template, stack.stack_name):
    sys.exit(
        "The stack is larger than AWS allows:\n"
        + "".join(f"  - {line}\n" for line in problems)
        + "Name fewer buckets, and deploy a second tracker under another stage for the others."
    )
