"""Whether events of a bucket reach the tracker. Pure."""

from replication.s3.bucket_setup import Setups
from replication.topology import Topology


def is_deaf_to(bucket: str, topology: Topology, setups: Setups) -> bool:
    """Whether no event says when a version arrives in the destination `bucket`, as far as known."""
    if bucket not in topology.destinations:
        return True
    if bucket not in setups:
        return False
    setup, _ = setups[bucket]
    return not setup.sends_events or setup.is_elsewhere(topology.place(bucket))
