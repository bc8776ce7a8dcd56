"""Amazon S3's replication service, played locally.

`rules`, `outcomes`, `status_header`, `events`, `faults` and `settings` are pure: what is eligible,
how an attempt ends, what the header says, what an event looks like.  `service` puts them in order
of time behind its ports (a store of object versions, a clock with timers, a way out of events),
`event_maker` makes the events; `buckets` and `delivery` are those ports on MiniStack, `policies`
asks it what a bucket's policy allows.
"""
