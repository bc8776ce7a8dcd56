"""A function that calls itself by way of a queue is stopped, as one that does so directly.

AWS: every invocation has a trace header with a lineage, tracing or not. The SDKs send it along, SQS
keeps it as the message's `AWSTraceHeader`, and when a function ran 16 times in one chain Lambda
drops its next invocation, unless the function's `RecursiveLoop` is `Allow`: SQS's poller gets
`RecursiveInvocationException`, and the message goes to the queue's dead-letter queue when it was
received often enough.
MiniStack 1.5.33: counts direct invocations alone, by a header of its own; without active tracing
there is no trace header, SQS does not keep it, and CloudFormation drops `RecursiveLoop`.
Here the message goes to the dead-letter queue at once: nothing happens in the receives before.
Chains by way of SNS or S3, which AWS follows too, end here at the topic and the bucket.
"""

from __future__ import annotations

import contextvars
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local.emulator.lineage import Chain
from local.emulator.patches.wrap import require, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    Message = dict[str, Any]

_HEADER = "x-amzn-trace-id"
_KEPT = "AWSTraceHeader"
_FUNCTION = "AWS::Lambda::Function"
_arrived: contextvars.ContextVar[Chain | None] = contextvars.ContextVar(
    "local_chain_arrived", default=None
)
"""The chain of the event that asks for an invocation; None of one that begins a chain."""
_running: contextvars.ContextVar[Chain | None] = contextvars.ContextVar(
    "local_chain_running", default=None
)
"""The same, with the invocation itself; None while no function runs."""
_sent: contextvars.ContextVar[str] = contextvars.ContextVar("local_trace_header", default="")
"""The trace header of the request to SQS."""


def apply(lambda_svc: ModuleType, sqs: ModuleType, provisioners: ModuleType) -> None:
    require(lambda_svc, "MAX_INVOKE_DEPTH")
    require(lambda_svc, "_functions")
    for name in ("_queues", "_queues_lock", "_queue_by_arn"):
        require(sqs, name)
    require(sqs, "_dlq_sweep", "q")
    loops = _Loops(lambda_svc, sqs)
    wrap(lambda_svc, "_inbound_invoke_depth", "headers", by=_arriving)
    wrap(lambda_svc, "_recursive_loop_drop", "name", "func", "depth", by=_counting)
    wrap(lambda_svc, "_execute_function", "func", "event", by=_executing)
    wrap(lambda_svc, "_xray_trace_id_for_invocation", "config", by=_tracing)
    batch = ("esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    wrap(lambda_svc, "_run_sqs_batch", *batch, by=loops.stopping)
    wrap(sqs, "handle_request", "method", "path", "headers", by=_hearing)
    wrap(sqs, "_build_send_sys_attrs", "now", "sys_attrs_input", by=_keeping)
    _deploy(lambda_svc, provisioners)


def _arn(func: Mapping[str, Any]) -> str:
    return str((func.get("config") or func).get("FunctionArn", ""))


def _arriving(inner: Callable[..., int]) -> Callable[..., int]:
    def depth(headers: Mapping[str, str]) -> int:
        _arrived.set(Chain.parse(headers.get(_HEADER)))
        return inner(headers)

    return depth


def _counting(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Of a chain with a lineage it counts how often this function ran, not how deep it goes."""

    def drop(name: str, func: Mapping[str, Any], depth: int) -> Any:
        chain = _arrived.get()
        return inner(name, func, chain.ran(_arn(func)) + 1 if chain and chain.counts else depth)

    return drop


def _executing(inner: Callable[..., Any]) -> Callable[..., Any]:
    def execute(func: Mapping[str, Any], event: Any) -> Any:
        token = _running.set((_arrived.get() or Chain()).then(_arn(func)))
        try:
            return inner(func, event)
        finally:
            _running.reset(token)

    return execute


def _tracing(inner: Callable[..., str | None]) -> Callable[..., str | None]:
    def header(config: Any, *rest: Any) -> str | None:
        active = inner(config, *rest)
        chain = _running.get()
        return active if chain is None else chain.header(sampled=active is not None)

    return header


def _hearing(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(method: str, path: str, headers: Mapping[str, str], *rest: Any) -> Any:
        _sent.set(unquote(headers.get(_HEADER, "")))
        return await inner(method, path, headers, *rest)

    return handle


def _keeping(inner: Callable[..., Any]) -> Callable[..., Any]:
    def attributes(now: float, sys_attrs_input: Any) -> Any:
        kept = inner(now, sys_attrs_input)
        if _sent.get():
            kept.setdefault(_KEPT, _sent.get())
        return kept

    return attributes


class _Loops:
    """What becomes of the messages of a batch that close a loop once too often."""

    def __init__(self, lambda_svc: Any, sqs: Any) -> None:
        self._lambda = lambda_svc
        self._sqs = sqs

    def stopping(self, inner: Callable[..., None]) -> Callable[..., None]:
        def run(
            esm: Any, func_rec: Any, event: Any, batch: Sequence[Message], queue_url: str, name: str
        ) -> None:
            looping = [message for message in batch if self._is_dropped(esm, func_rec, message)]
            if looping:
                self._give_up(esm, queue_url, looping)
                dropped = {message["id"] for message in looping}
                batch = [message for message in batch if message["id"] not in dropped]
                records = [r for r in event["Records"] if r["messageId"] not in dropped]
                event = {"Records": records}
            if not event["Records"]:
                return
            token = _arrived.set(Chain.merged(_chain(message) for message in batch))
            try:
                inner(esm, func_rec, event, batch, queue_url, name)
            finally:
                _arrived.reset(token)

        return run

    def _is_dropped(self, esm: Any, func_rec: Any, message: Message) -> bool:
        name = esm["FunctionName"]
        function = self._lambda._functions.get(name, func_rec)
        depth = _chain(message).ran(_arn(func_rec)) + 1
        return self._lambda._recursive_loop_drop(name, function, depth) is not None

    def _give_up(self, esm: Any, queue_url: str, looping: Sequence[Message]) -> None:
        """To the dead-letter queue; without one they come back and are dropped again."""
        esm["LastProcessingResult"] = "PROBLEM: RecursiveInvocationException"
        with self._sqs._queues_lock:
            queue = self._sqs._queues.get(queue_url) or {"attributes": {}}
            redrive = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
            if not redrive or self._sqs._queue_by_arn(redrive["deadLetterTargetArn"]) is None:
                return
            for message in looping:
                message.update(receive_count=int(redrive["maxReceiveCount"]), visible_at=0)
            self._sqs._dlq_sweep(queue)


def _chain(message: Message) -> Chain:
    return Chain.parse((message.get("sys") or {}).get(_KEPT))


def _deploy(lambda_svc: Any, provisioners: Any) -> None:
    """Let CloudFormation set `RecursiveLoop`, and back to the default when it is taken out."""
    put = require(lambda_svc, "_put_function_recursion_config", "func_name", "data")
    handlers = require(provisioners, "_RESOURCE_HANDLERS")[_FUNCTION]
    require(provisioners, "_lambda_create", "logical_id", "props", "stack_name")
    require(provisioners, "_lambda_update", "physical_id", "old_props", "new_props")
    create, update = handlers["create"], handlers["update"]

    def configured(made: tuple[str, Any], props: Mapping[str, Any]) -> tuple[str, Any]:
        wanted = props.get("RecursiveLoop", "Terminate")
        status, _, body = put(made[0], {"RecursiveLoop": wanted})
        if status >= 400:
            raise ValueError(f"{_FUNCTION}: {body!r}")
        return made

    def created(logical_id: str, props: Any, stack_name: str) -> Any:
        return configured(create(logical_id, props, stack_name), props)

    def updated(physical_id: str, old_props: Any, new_props: Any, *rest: Any, **more: Any) -> Any:
        return configured(update(physical_id, old_props, new_props, *rest, **more), new_props)

    handlers.update(create=created, update=updated)
