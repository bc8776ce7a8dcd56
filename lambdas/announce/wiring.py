"""The failure topic, made once per process on the first record."""

import os
from functools import cache

from replication.aws.clients import client
from replication.aws.sns import FailureTopic
from replication.settings import from_env


@cache
def service() -> FailureTopic:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "FAILURE_TOPIC_ARN")
    return FailureTopic(client("sns"), settings.failure_topic_arn)
