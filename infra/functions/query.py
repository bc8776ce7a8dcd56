"""query: the REST API and the function behind it.

IAM authorizes every route, and every error is an RFC 9457 problem.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions.tracker_function import Shared, TrackerFunction
from infra.gateway_errors import add_problem_responses
from infra.grants import allow
from infra.ledger import index_arns
from infra.nag import acknowledge

STAGE_NAME = "prod"
WAIT_PATH = "/v1/buckets/{bucket}/object/wait"
"""Has a method of its own, for a limit of its own."""
ARRIVAL_PATH = "/v1/buckets/{bucket}/arrival"
"""Has methods of its own, for a limit of its own."""
ARRIVALS_A_SECOND = 10
"""One reads up to 1,000 objects, or 10,000 entries of an index."""
REDRIVES_PATH = "/v1/redrives"
WAITS_A_SECOND = 4
"""With 25 seconds each, about a hundred at once."""

# Without `integrationErrorMessage`: it may hold quotes, which would break the JSON of the line.
_ACCESS_LOG_FIELDS: Mapping[str, str] = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "time": "$context.requestTime",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "errorType": "$context.error.responseType",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "bytes": "$context.responseLength",
    "traceId": "$context.xrayTraceId",
}


class Api(Construct):
    """`/v1/{proxy+}` goes to the function, which has the routes; the gateway authorizes callers."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        name: str,
        concurrency: int,
        reconcile: sqs.Queue,
        emails: Sequence[str],
        incidents: sns.Topic,
        chat: sns.Topic | None,
        redrivers: Sequence[str] = (),
    ) -> None:
        """`name`: of the API, and of its metrics, which have no other dimension. `concurrency`: of
        the account's, reserved for the function; 0 reserves none. `reconcile` is the queue through
        which rules are read that an answer waits for. The doctor says which of `emails`
        are not subscribed to the `incidents`, and whether the `chat` is. `redrivers`: ARNs of those
        who may start and cancel redrives; none: there are no redrives."""
        super().__init__(scope, construct_id)
        self._name, self._redrivers = name, redrivers
        built = TrackerFunction(
            self,
            shared,
            service="query",
            description="Answers questions about replication from the ledger",
            memory_mib=1_024,  # importing pydantic is CPU, and Lambda gives CPU by memory
            timeout=Duration.seconds(29),  # API Gateway waits no longer
            traced=True,
            environment={
                "NOTIFY_EMAILS": ",".join(emails),
                "INCIDENT_TOPIC_ARN": incidents.topic_arn,
                "CHAT_TOPIC_ARN": chat.topic_arn if chat else "",
                "RECONCILE_QUEUE_URL": reconcile.queue_url,
            },
            reserved=concurrency or None,
        )
        self.function = built.function
        allow(
            built.role,
            ["dynamodb:Query", "dynamodb:GetItem"],
            [shared.table.table_arn, *index_arns(shared.table)],
        )
        allow(
            built.role,
            ["sns:ListSubscriptionsByTopic"],
            [one.topic_arn for one in (incidents, chat) if one],
        )
        # Whatever is in this queue only has S3 read, so nothing can be forged with it.
        allow(built.role, ["sqs:SendMessage"], [reconcile.queue_arn])
        self.rest = self._rest()
        self._to_query = apigateway.LambdaIntegration(self.function, allow_test_invoke=False)
        self.rest.root.add_resource("v1").add_resource("{proxy+}").add_method("GET", self._to_query)
        self.rest.root.resource_for_path(WAIT_PATH).add_method("GET", self._to_query)
        arrival = self.rest.root.resource_for_path(ARRIVAL_PATH)
        for method in ("GET", "POST"):
            arrival.add_method(method, self._to_query)
        add_problem_responses(self.rest)
        self._explain_findings()

    def add_redrive(self, function: lambda_.Function) -> None:
        """Methods that may cost money are the gateway's own, so that policies can name them."""
        to_redrive = apigateway.LambdaIntegration(function, allow_test_invoke=False)
        redrives = self.rest.root.resource_for_path(REDRIVES_PATH)
        one = redrives.add_resource("{redrive_id}")
        redrives.add_method("GET", self._to_query)
        redrives.add_method("POST", to_redrive)
        one.add_method("GET", self._to_query)
        one.add_method("DELETE", to_redrive)

    def _only_operators_redrive(self) -> iam.PolicyDocument:
        """Whoever may invoke the whole API could start jobs that cost money. A Deny wins over every
        permission."""
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    sid="OnlyOperatorsRedrive",
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["execute-api:Invoke"],
                    resources=[
                        f"execute-api:/*/POST{REDRIVES_PATH}",
                        f"execute-api:/*/DELETE{REDRIVES_PATH}/*",
                    ],
                    conditions={"ArnNotLike": {"aws:PrincipalArn": list(self._redrivers)}},
                )
            ]
        )

    @property
    def url(self) -> str:
        """The stage's URL without a trailing slash: `url + "/v1/health"` is a route."""
        host = f"{self.rest.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        return Fn.join("/", ["https:/", host, self.rest.deployment_stage.stage_name])

    def _rest(self) -> apigateway.RestApi:
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        rest = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=self._name,
            description="S3 replication tracker",
            policy=self._only_operators_redrive() if self._redrivers else None,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Logging needs a role that API Gateway has once for each account and Region. It stays
            # when the stack is deleted: other APIs there log through it too.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE_NAME,
                throttling_rate_limit=100,
                throttling_burst_limit=200,
                tracing_enabled=True,
                # Metrics of each method are charged; the alarm and the dashboard use the API's own.
                metrics_enabled=False,
                method_options={
                    # A request that waits keeps a function busy for up to 25 seconds: without a
                    # limit of its own this route could use up the account's concurrency.
                    f"{WAIT_PATH}/GET": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=WAITS_A_SECOND,
                        throttling_burst_limit=2 * WAITS_A_SECOND,
                    ),
                    **{
                        f"{ARRIVAL_PATH}/{method}": apigateway.MethodDeploymentOptions(
                            throttling_rate_limit=ARRIVALS_A_SECOND,
                            throttling_burst_limit=2 * ARRIVALS_A_SECOND,
                        )
                        for method in ("GET", "POST")
                    },
                },
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # it would log bodies, and with them object keys
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(_access_log_format()),
            ),
        )
        rest.node.try_remove_child("Endpoint")  # CDK's own output repeats ApiUrl
        return rest

    def _explain_findings(self) -> None:
        acknowledge(
            self.rest,
            {
                "AwsSolutions-APIG2": "The function validates every parameter and answers with a "
                "problem that names it; a gateway validator could not.",
                "AwsSolutions-APIG3": "Only callers that IAM authorizes get through; a web ACL "
                "would cost more than the rest of a small tracker.",
                "AwsSolutions-COG4": "Operators and programs call it with SigV4; there are no "
                "users to keep in a Cognito pool.",
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]": "The policy API Gateway documents for its "
                "account-wide logging role.",
            },
        )


def _access_log_format() -> str:
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in _ACCESS_LOG_FIELDS.items()) + "}"
