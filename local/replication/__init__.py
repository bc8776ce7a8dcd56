"""Amazon S3's replication service, played locally.

`rules`, `outcomes`, `header`, `events`, `faults` and `settings` are pure: what is eligible, how an
attempt ends, what the header says, what an event looks like.  `service` puts them in order of time
behind two ports (a store of object versions, a clock with timers); `buckets` and `delivery` are
those ports on MiniStack.
"""
