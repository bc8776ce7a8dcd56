"""A synthesized stack, whose resources tests find by their purpose and not by logical ids."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.config import Config
from infra.functions.topology_file import NAME
from infra.stack import TrackerStack
from replication.topology import Place, Topology

ROOT = Path(__file__).parents[2]
LAMBDAS = ROOT / "lambdas"
AT_DEPLOYMENTS = "notifications"
"""The function of the custom resources. It runs at deployments alone, and knows no ledger."""
ON_REQUEST = frozenset({"publish", "redrive"})
"""The functions that are deployed only where they are asked for."""
SERVICES = sorted(
    {file.parent.name for file in LAMBDAS.glob("*/handler.py")} - {AT_DEPLOYMENTS, *ON_REQUEST}
)
"""Every other function of the project."""

_WARNING = "aws:cdk:warning"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "REGION",
    "AWS::AccountId": "ACCOUNT",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": "STACK",
}


def build(context: Mapping[str, object], *, outdir: str | None = None) -> tuple[App, TrackerStack]:
    """The app as app.py makes it, with the feature flags of cdk.json."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context={**flags, "bundle_dependencies": "false", **context}, outdir=outdir)
    config = Config.from_context(app.node)
    name = f"S3ReplicationTracker-{config.stage}"
    return app, TrackerStack(app, name, config=config, lambdas=LAMBDAS)


def synthesize(context: Mapping[str, object]) -> "Synthesized":
    """Build, synthesize and read back the template."""
    with tempfile.TemporaryDirectory() as outdir:
        app, stack = build(context, outdir=outdir)
        artifact = app.synth().get_stack_artifact(stack.artifact_id)
        warnings = tuple(str(entry.data) for entry in stack.node.metadata if entry.type == _WARNING)
        (asset,) = Path(outdir).glob(f"*/{NAME}")
        return Synthesized(artifact.template, warnings, asset.read_text())


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template; `properties` are resolved to plain text and numbers."""

    id: str
    type: str
    properties: Mapping[str, Any]
    raw: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    @property
    def arn(self) -> str:
        """What `resolve` makes of a reference to this resource's ARN."""
        return self.id if self.type == "AWS::SNS::Topic" else f"{self.id}.Arn"


@dataclass(frozen=True)
class Synthesized:
    template: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    topology_file: str = ""
    """The file with the buckets, beside the code."""

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(
            Resource(name, body["Type"], resolve(body.get("Properties", {})), body)
            for name, body in self.template["Resources"].items()
        )

    @cached_property
    def topology(self) -> Topology:
        """The buckets as the functions read them."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(self.topology_file)
            file.flush()
            return Topology.load(file.name, Place())

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        return {name: resolve(body["Value"]) for name, body in self.template["Outputs"].items()}

    def of_type(self, kind: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type == kind]

    def one(self, kind: str) -> Resource:
        (only,) = self.of_type(kind)
        return only

    def by_arn(self, arn: str) -> Resource:
        (found,) = (resource for resource in self.resources if resource.arn == arn)
        return found

    def function(self, service: str) -> Resource:
        """The function whose handler is in lambdas/<service>/handler.py."""
        (found,) = (
            resource
            for resource in self.of_type("AWS::Lambda::Function")
            if resource["Handler"] == f"{service}.handler.handler"
        )
        return found

    def variables(self, service: str) -> dict[str, str]:
        """The environment of a function."""
        found: dict[str, str] = self.function(service)["Environment"]["Variables"]
        return found

    def event_source(self, service: str) -> Resource:
        (found,) = (
            resource
            for resource in self.of_type("AWS::Lambda::EventSourceMapping")
            if resource["FunctionName"] == self.function(service).id
        )
        return found

    @property
    def table(self) -> Resource:
        return self.one("AWS::DynamoDB::Table")

    def index(self, name: str) -> Mapping[str, Any]:
        """An index of the table."""
        indexes: list[Mapping[str, Any]] = self.table["GlobalSecondaryIndexes"]
        (found,) = (index for index in indexes if index["IndexName"] == name)
        return found

    @property
    def ingest(self) -> Resource:
        return self.by_arn(self.event_source("record")["EventSourceArn"])

    @property
    def ingest_dead_letters(self) -> Resource:
        return self.by_arn(self.ingest["RedrivePolicy"]["deadLetterTargetArn"])

    def dead_letters(self, service: str) -> Resource:
        """Where what a reader of the stream could not process is reported."""
        on_failure = self.event_source(service)["DestinationConfig"]["OnFailure"]
        return self.by_arn(on_failure["Destination"])

    @property
    def all_dead_letters(self) -> list[Resource]:
        """Every dead-letter queue: those of queues and those of readers of the stream."""
        queues = [queue.properties for queue in self.of_type("AWS::SQS::Queue")]
        arns = {
            *(
                queue["RedrivePolicy"]["deadLetterTargetArn"]
                for queue in queues
                if "RedrivePolicy" in queue
            ),
            *(self.dead_letters(service).arn for service in self.stream_readers),
        }
        return [self.by_arn(arn) for arn in sorted(arns)]

    @property
    def stream_readers(self) -> list[str]:
        """The functions that read the table's stream."""
        stream = f"{self.table.id}.StreamArn"
        mappings = self.of_type("AWS::Lambda::EventSourceMapping")
        readers = {one["FunctionName"] for one in mappings if one["EventSourceArn"] == stream}
        return [service for service in SERVICES if self.function(service).id in readers]

    @property
    def failure_topic(self) -> Resource:
        return self.by_arn(self.variables("announce")["FAILURE_TOPIC_ARN"])

    @property
    def incident_topic(self) -> Resource:
        return self.by_arn(self.outputs["IncidentTopicArn"])

    def role_of(self, function: Resource) -> Resource:
        return self.by_arn(function["Role"])

    def statements(self, role: Resource) -> Iterator[Mapping[str, Any]]:
        """Every statement of a role's inline and attached policies."""
        for inline in role.properties.get("Policies", []):
            yield from inline["PolicyDocument"]["Statement"]
        kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in (one for kind in kinds for one in self.of_type(kind)):
            if role.id in policy["Roles"]:
                yield from policy["PolicyDocument"]["Statement"]

    def queue_policy(self, queue: Resource) -> list[Mapping[str, Any]]:
        return [
            statement
            for policy in self.of_type("AWS::SQS::QueuePolicy")
            if queue.id in policy["Queues"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]


def listed(value: Any) -> list[Any]:
    """As a list: IAM and CloudFormation write a list of one element as that element."""
    return value if isinstance(value, list) else [value]


def resolve(value: Any) -> Any:
    """Intrinsic functions as text: a Ref is the id, a GetAtt `id.Attribute`."""
    match value:
        case {"Ref": name}:
            return _PSEUDO.get(name, name)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Join": [separator, parts]}:
            return separator.join(str(resolve(part)) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, replacement in _PSEUDO.items():
                text = text.replace(f"${{{name}}}", replacement)
            return text
        case dict():
            return {name: resolve(inner) for name, inner in value.items()}
        case list():
            return [resolve(inner) for inner in value]
        case _:
            return value
