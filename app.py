"""The CDK app: the tracker of one stage, and a collector for each other Region and account where
buckets are. infra/config.py has the options and their defaults."""

import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.config import Config, ContextError
from infra.deployment import Deployment
from infra.limits import excesses

PROJECT = Path(__file__).parent

app = App()
try:
    config = Config.from_context(app.node, PROJECT)
except ContextError as error:
    sys.exit(str(error))

deployment = Deployment(app, config=config, lambdas=PROJECT / "lambdas")
Validations.of(app).add_plugins(AwsSolutionsChecks(app))
assembly = app.synth()
problems = [
    f"{stack.node.id}: {line}"
    for stack in deployment.stacks
    for line in excesses(assembly.get_stack_artifact(stack.artifact_id).template, stack.stack_name)
]
if problems:
    sys.exit(
        "A stack is larger than AWS allows:\n"
        + "".join(f"  - {line}\n" for line in problems)
        + "Name fewer buckets, and deploy a second tracker under another stage for the others."
    )
