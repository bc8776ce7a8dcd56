"""Every knob of the local S3, read from `LOCAL_S3_*` and changeable while it runs."""

from __future__ import annotations

from typing import ClassVar

from local.adjustable import Adjustable, Count, Rate, Seconds, Whole


class Settings(Adjustable):
    """How the local S3 behaves."""

    PREFIX: ClassVar[str] = "LOCAL_S3_"

    replication_delay_seconds: Seconds = 0.4
    """Shortest time from a write at the source to its replica."""
    replication_jitter_seconds: Seconds = 0.2
    """Added to the delay, uniformly from 0 to this."""
    threshold_seconds: Seconds = 2.0
    """Stands for the fifteen minutes of S3 Replication Time Control."""
    destination_delete_marker_events: bool = True
    """Whether a replicated delete marker emits events in the destination (Amazon does not say)."""
    destination_tag_events: bool = True
    """Whether replicated tags and ACLs emit events in the destination (Amazon does not say)."""
    destination_retention_events: bool = True
    """Whether a replicated retention emits an event in the destination (Amazon does not say)."""
    header_fails_at_once: bool = True
    """Whether the header reads FAILED while another destination is pending (Amazon does not
    say)."""
    changes_reach_new_destinations: bool = False
    """Whether a later change carries a version to a destination whose rule came after it was
    written (Amazon does not say)."""
    later_failure_events: bool = True
    """Whether tags, an ACL or a lock that do not arrive are a failure event (Amazon does not
    say)."""
    later_failure_names_put: bool = False
    """Whether such an event has the `s3Operation` OBJECT_PUT (Amazon does not say)."""
    later_failure_repeats_write: bool = False
    """Whether such an event has the `requestTime` and the sequencer of the version's creation
    rather than of the change (Amazon does not say)."""
    batch_step_seconds: Seconds = 0.2
    """Time between two steps of a job of Batch Operations: each status, each few tasks."""
    max_batch_tasks: Count = 200
    """Tasks of one step."""
    batch_events: bool = True
    """Whether a job's statuses are events on EventBridge (on AWS, where a trail is)."""
    batch_reports: bool = True
    """Whether jobs write reports; S3 does."""
    batch_failure_events: bool = False
    """Whether a task that fails is a failure event as well (Amazon does not say)."""
    event_drop_rate: Rate = 0.0
    """Share of event deliveries that never happen."""
    event_duplicate_rate: Rate = 0.0
    """Share of event deliveries that happen twice."""
    event_delay_rate: Rate = 0.0
    """Share of event deliveries that come late, and so out of order."""
    event_delay_seconds: Seconds = 1.0
    """Longest such delay."""
    max_jobs: Count = 100_000
    """Replications waiting at once; a write beyond it stays PENDING for ever and is logged."""
    seed: Whole = 1
    """Seed of the jitter and of the faults; setting it again starts the sequence again."""
