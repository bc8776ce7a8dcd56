"""What CloudFormation does with each type of resource in the name of whoever deploys.

Sources: the IAM actions that the schema of each resource type in the CloudFormation registry names
for its handlers, and the Service Authorization Reference for the resources that an action takes.
CloudFormation begins names that it gives with the name of the stack. An archive's name has 48
characters at most, so there it may keep fewer than the stack's name has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED = "S3ReplicationTracker-*"
ANY = "*"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a type of resource needs.

    `arns` are ARNs without `arn:PARTITION:`, or `*`. `actions` and the values of `more` are names
    of actions of the service, separated by blanks. `more` has what single properties need beyond;
    `properties` need nothing more. A property that is in neither is not known to be covered.
    """

    service: str
    arns: tuple[str, ...]
    actions: str
    properties: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    anywhere: str = ""
    """Actions that take no such resource."""


_TAGS = "*Tag*"
"""Tag, untag and list; IAM does not look at the case."""
_REST = "GET POST PUT PATCH DELETE"
_APIS = ("apigateway:*::/restapis", "apigateway:*::/restapis/*", "apigateway:*::/tags/*")
_FUNCTIONS = (f"lambda:*:*:function:{NAMED}",)
_QUEUES = (f"sqs:*:*:{NAMED}",)
_TOPICS = (f"sns:*:*:{NAMED}",)
_BUCKETS = ("s3:::s3replicationtracker-*",)
"""CloudFormation writes the stack's name in lower case there."""
_ROLES = (f"iam::*:role/{NAMED}",)

TYPES: Mapping[str, Needs] = {
    "AWS::ApiGateway::Account": Needs(
        "apigateway", ("apigateway:*::/account",), "GET PATCH", "CloudWatchRoleArn"
    ),
    "AWS::ApiGateway::Deployment": Needs("apigateway", _APIS, _REST, "Description RestApiId"),
    "AWS::ApiGateway::GatewayResponse": Needs(
        "apigateway",
        _APIS,
        _REST,
        "ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode",
    ),
    "AWS::ApiGateway::Method": Needs(
        "apigateway",
        _APIS,
        _REST,
        "AuthorizationType HttpMethod Integration ResourceId RestApiId",
    ),
    "AWS::ApiGateway::Resource": Needs("apigateway", _APIS, _REST, "ParentId PathPart RestApiId"),
    "AWS::ApiGateway::RestApi": Needs(
        "apigateway",
        _APIS,
        _REST,
        "Description EndpointConfiguration Name Tags",
        {"Policy": "UpdateRestApiPolicy"},
    ),
    "AWS::ApiGateway::Stage": Needs(
        "apigateway",
        _APIS,
        _REST,
        "AccessLogSetting DeploymentId MethodSettings RestApiId StageName Tags TracingEnabled",
    ),
    "AWS::CloudWatch::Alarm": Needs(
        "cloudwatch",
        (f"cloudwatch:*:*:alarm:{NAMED}",),
        f"PutMetricAlarm DeleteAlarms {_TAGS}",
        "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator"
        " DatapointsToAlarm Dimensions EvaluationPeriods MetricName Metrics Namespace OKActions"
        " Period Statistic Tags Threshold TreatMissingData Unit",
        anywhere="DescribeAlarms",
    ),
    "AWS::CloudWatch::Dashboard": Needs(
        "cloudwatch",
        (f"cloudwatch::*:dashboard/{NAMED}",),
        f"PutDashboard GetDashboard DeleteDashboards {_TAGS}",
        "DashboardBody DashboardName Tags",
    ),
    "AWS::DynamoDB::Table": Needs(
        "dynamodb",
        (f"dynamodb:*:*:table/{NAMED}",),
        "CreateTable UpdateTable DeleteTable Describe* GetResourcePolicy *Tag*",
        "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes"
        " KeySchema SSESpecification StreamSpecification Tags WarmThroughput",
        {
            "PointInTimeRecoverySpecification": "UpdateContinuousBackups",
            "TimeToLiveSpecification": "UpdateTimeToLive",
        },
    ),
    "AWS::Events::Archive": Needs(
        "events",
        ("events:*:*:archive/S3Replication*", "events:*:*:event-bus/default"),
        "CreateArchive UpdateArchive DeleteArchive DescribeArchive",
        "Description EventPattern KmsKeyIdentifier RetentionDays SourceArn",
    ),
    "AWS::Events::EventBus": Needs(
        "events",
        (f"events:*:*:event-bus/{NAMED}",),
        f"*EventBus {_TAGS}",
        "Description Name Tags",
    ),
    "AWS::Events::Rule": Needs(
        "events",
        (f"events:*:*:rule/{NAMED}",),
        f"PutRule DeleteRule DescribeRule EnableRule DisableRule {_TAGS}",
        "Description EventPattern ScheduleExpression State Tags",
        {"Targets": "*Target*"},
    ),
    "AWS::IAM::ManagedPolicy": Needs(
        "iam",
        (f"iam::*:policy/{NAMED}",),
        "CreatePolicy DeletePolicy GetPolicy *PolicyVersion* ListEntitiesForPolicy *Tag*",
        "Description Path PolicyDocument Roles Tags",
    ),
    "AWS::IAM::Policy": Needs(
        "iam",
        _ROLES,
        "PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies",
        "PolicyDocument PolicyName Roles",
    ),
    "AWS::IAM::Role": Needs(
        "iam",
        _ROLES,
        "CreateRole DeleteRole GetRole UpdateRole UpdateAssumeRolePolicy"
        " *Tag* ListRolePolicies ListAttachedRolePolicies"
        " ListInstanceProfilesForRole",
        "AssumeRolePolicyDocument Description RoleName Tags",
        {
            "ManagedPolicyArns": "AttachRolePolicy DetachRolePolicy",
            "Policies": "PutRolePolicy GetRolePolicy DeleteRolePolicy",
        },
    ),
    "AWS::KMS::Key": Needs(
        "kms",
        ("kms:*:*:key/*",),
        "DescribeKey *KeyPolicy UpdateKeyDescription GetKeyRotationStatus ListResourceTags"
        " TagResource UntagResource ScheduleKeyDeletion",
        "Description KeyPolicy Tags",
        {"EnableKeyRotation": "*KeyRotation"},
        anywhere="CreateKey",
    ),
    "AWS::Lambda::EventSourceMapping": Needs(
        "lambda",
        ("lambda:*:*:event-source-mapping:*",),
        "GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping *Tag*",
        "BatchSize BisectBatchOnFunctionError DestinationConfig EventSourceArn FilterCriteria"
        " FunctionName FunctionResponseTypes MaximumBatchingWindowInSeconds"
        " MaximumRecordAgeInSeconds ScalingConfig StartingPosition Tags TumblingWindowInSeconds",
        anywhere="CreateEventSourceMapping",
    ),
    "AWS::Lambda::Function": Needs(
        "lambda",
        _FUNCTIONS,
        "CreateFunction DeleteFunction Get* UpdateFunctionCode UpdateFunctionConfiguration *Tag*",
        "Architectures Code Description Environment Handler LoggingConfig MemorySize Role Runtime"
        " Tags Timeout TracingConfig",
        {
            "RecursiveLoop": "PutFunctionRecursionConfig",
            "ReservedConcurrentExecutions": "PutFunctionConcurrency DeleteFunctionConcurrency",
        },
    ),
    "AWS::Lambda::Permission": Needs(
        "lambda",
        _FUNCTIONS,
        "AddPermission RemovePermission GetPolicy",
        "Action FunctionName Principal SourceAccount SourceArn",
    ),
    "AWS::Logs::LogGroup": Needs(
        "logs",
        (f"logs:*:*:log-group:{NAMED}",),
        f"CreateLogGroup DeleteLogGroup {_TAGS}",
        "Tags",
        {"RetentionInDays": "PutRetentionPolicy DeleteRetentionPolicy"},
        anywhere="DescribeLogGroups",
    ),
    "AWS::S3::Bucket": Needs(
        "s3",
        _BUCKETS,
        "*Bucket*",
        "PublicAccessBlockConfiguration Tags",
        {
            "BucketEncryption": "Put*Configuration",
            "LifecycleConfiguration": "Put*Configuration",
        },
    ),
    "AWS::S3::BucketPolicy": Needs("s3", _BUCKETS, "*Bucket*", "Bucket PolicyDocument"),
    "AWS::SNS::Subscription": Needs(
        "sns",
        (ANY,),  # of any topic that is named in `replication_topics`
        "Subscribe Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes"
        " ListSubscriptionsByTopic",
        "Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery RedrivePolicy Region"
        " TopicArn",
    ),
    "AWS::SNS::Topic": Needs(
        "sns",
        _TOPICS,
        "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes GetDataProtectionPolicy"
        f" ListSubscriptionsByTopic {_TAGS}",
        "DisplayName KmsMasterKeyId Tags TopicName",
    ),
    "AWS::SNS::TopicPolicy": Needs(
        "sns", _TOPICS, "GetTopicAttributes SetTopicAttributes", "PolicyDocument Topics"
    ),
    "AWS::SQS::Queue": Needs(
        "sqs",
        _QUEUES,
        "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl SetQueueAttributes *Tag*",
        "KmsMasterKeyId MessageRetentionPeriod RedrivePolicy SqsManagedSseEnabled Tags"
        " VisibilityTimeout",
    ),
    "AWS::SQS::QueuePolicy": Needs(
        "sqs", _QUEUES, "GetQueueAttributes SetQueueAttributes", "PolicyDocument Queues"
    ),
}

CUSTOM = Needs("lambda", _FUNCTIONS, "InvokeFunction")
"""A custom resource: CloudFormation invokes the function; the properties are the function's."""
