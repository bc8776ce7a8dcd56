"""What CDK's own handler of bucket notifications may do."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge


def notifications_role(scope: Construct, buckets: Sequence[str]) -> iam.IRole:
    """A role that may log and may read and write the notifications of `buckets`.

    By itself CDK attaches an inline policy for each bucket and IAM takes 10,240 characters of them
    in a role: enough for some thirty buckets. Hence one policy, and CDK may add none.
    """
    stack = Stack.of(scope)
    log_group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=_log_group_name(stack),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    role = iam.Role(
        scope,
        "HandlerRole",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description="Adds and removes notifications of tracked buckets at deployment",
        inline_policies={
            "notifications": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["s3:GetBucketNotification", "s3:PutBucketNotification"],
                        resources=[f"arn:{Aws.PARTITION}:s3:::{name}" for name in buckets],
                    ),
                    iam.PolicyStatement(
                        actions=[
                            "logs:CreateLogGroup",
                            "logs:CreateLogStream",
                            "logs:PutLogEvents",
                        ],
                        resources=[log_group],
                    ),
                ]
            )
        },
    )
    acknowledge(
        role,
        {
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:"
            f"log-group:{_log_group_name(stack)}]": "The handler's log group; CloudFormation "
            "finds the rest of its name."
        },
    )
    return role.without_policy_updates()


def _log_group_name(stack: Stack) -> str:
    """CloudFormation names the function after the stack and cuts what is too long of both."""
    return f"/aws/lambda/{stack.stack_name[:20]}*"
