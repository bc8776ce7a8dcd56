"""Every partition of the table, on one page.

Items of the ledger have the partition key `<source bucket>/<key>` (see `ledger_item.py`). All other
keys begin with `#`, as no bucket name does. Of these items only fences have the attribute `status`;
the functions on the stream skip items without it.

    partition key                              sort key                    module
    #configuration#<bucket>                    (see there)                 rule_revisions.py
    #totals#<bucket>#<lane>                    destination and rule        counter_item.py
    #periods#<bucket>#<destination>#<lane>     level and period            counter_item.py
    #troubles#<bucket>#<destination>#<lane>    kind of failure             counter_item.py
    #counted#<shard or number>                 shard, record               counter_writes.py
    #fence#<n>, #fenced#<n>                    (see there)                 fence_item.py
    #incidents#open, #incidents#resolved       kind of failure, id         incident_reads.py
    #findings, #setups                         bucket (and action)         findings.py
    #backfill#<run>                            run, file                   backfill_progress.py
    #redrives, #redrives#open                  redrive                     redrives.py
    #redrives#progress, #redrives#buckets      redrive; source bucket      redrives.py
    #redrives#rules, #redrives#days            rule; day                   redrives.py
    #heard                                     (see there)                 frontier.py
    #reconcile                                 tick                        windows.py
    #health                                    never written               item_reads.py
"""

INDEX = "routes"
"""Versions by status; partition `route`, sort key `position`."""
LACKING_INDEX = "held"
"""Versions whose destination lacks them for longer than `routes` shows; partition `route`, sort key
`held`."""
SORT_KEY_BYTES = 1_024
"""The most DynamoDB takes for a sort key."""

CONFIGURATION = "#configuration#"
TOTALS = "#totals#"
PERIODS = "#periods#"
FAILURE_KINDS = "#troubles#"
COUNTED = "#counted#"
FENCE, FENCED = "#fence#", "#fenced#"
INCIDENTS_OPEN, INCIDENTS_RESOLVED = "#incidents#open", "#incidents#resolved"
FINDINGS, SETUPS = "#findings", "#setups"
BACKFILL = "#backfill#"
REDRIVES, REDRIVES_OPEN = "#redrives", "#redrives#open"
REDRIVES_PROGRESS, REDRIVES_BUCKETS = "#redrives#progress", "#redrives#buckets"
REDRIVES_RULES, REDRIVES_DAYS = "#redrives#rules", "#redrives#days"
FRONTIER = "#heard"
RECONCILE = "#reconcile"
HEALTH = "#health"
