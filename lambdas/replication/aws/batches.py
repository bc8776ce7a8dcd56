"""Entries in the batches that a call of SQS, SNS or DynamoDB takes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

ENTRIES = 10
"""SendMessageBatch and PublishBatch take no more."""


def by_number(entries: Sequence[T], most: int = ENTRIES) -> list[Sequence[T]]:
    """The entries in order, at most `most` of them together."""
    return [entries[start : start + most] for start in range(0, len(entries), most)]


def by_size(entries: Iterable[T], size_of: Callable[[T], int], most_bytes: int) -> list[list[T]]:
    """The entries in order, at most ten and `most_bytes` together; a larger one goes alone."""
    batches: list[list[T]] = []
    room = 0
    for entry in entries:
        size = size_of(entry)
        if not batches or len(batches[-1]) == ENTRIES or size > room:
            batches.append([])
            room = most_bytes
        batches[-1].append(entry)
        room -= size
    return batches


def text_attributes(values: Mapping[str, str]) -> dict[str, Any]:
    """Message attributes, as SQS and SNS both write them."""
    return {name: {"DataType": "String", "StringValue": text} for name, text in values.items()}
