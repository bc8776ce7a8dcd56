"""A custom resource of CloudFormation -> notifications of a tracked bucket, at deployments only."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from notifications.answer import answer, send
from notifications.refusal import Refused
from notifications.wiring import service

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Always answers, whatever goes wrong: a deployment that gets no answer hangs."""
    problem = None
    try:
        service().carry_out(event)
    except Refused as error:
        logger.error("refused", reason=str(error))
        problem = str(error)
    except Exception as error:
        logger.exception("failed")
        problem = f"{type(error).__name__}: {error} (log stream {context.log_stream_name})"
    send(event["ResponseURL"], answer(event, problem))
