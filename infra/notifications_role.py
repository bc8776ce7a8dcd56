"""The role of CDK's own handler of bucket notifications, the Lambda function of that resource."""

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import acknowledge


def notifications_role(scope: Construct) -> iam.Role:
    """A role that may only write its log; `may_notify` adds the buckets."""
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
            "log": iam.PolicyDocument(
                statements=[
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
    return role


def may_notify(scope: Construct, role: iam.Role, bucket: str) -> iam.Policy:
    """Lets the role read and write the notifications of one bucket.

    Each bucket has its own policy, so that when a bucket leaves the context CloudFormation removes
    the notifications first and the permission afterwards. With one policy for all buckets it would
    remove the permission first, and the notifications would stay. A role may have 10,240 characters
    of inline policies, so each is short: `s3:*BucketNotification` is Get and Put.
    """
    policy = iam.Policy(
        scope,
        f"{bucket}-may-notify",
        statements=[
            iam.PolicyStatement(
                actions=["s3:*BucketNotification"],
                resources=[f"arn:{Aws.PARTITION}:s3:::{bucket}"],
            )
        ],
        roles=[role],
    )
    acknowledge(
        policy,
        {"AwsSolutions-IAM5[Action::s3:*BucketNotification]": "Get and Put, there are no others."},
    )
    return policy


def _log_group_name(stack: Stack) -> str:
    """CloudFormation names the function after the stack and shortens long names of either."""
    return f"/aws/lambda/{stack.stack_name[:20]}*"
