"""How many HEAD requests a million versions that stay pending cost, from the schedule itself.

python -m bench.checks
"""

from replication.ledger.schedule import Schedule

VERSIONS = 1_000_000
DOLLARS_A_MILLION_HEADS = 0.40
"""An assumption: us-east-1, November 2026."""
SPANS = (("first hour", 0, 1), ("first day", 0, 24), ("second day", 24, 48), ("day 30", 696, 720))


def main() -> None:
    schedule = Schedule()
    print(f"{VERSIONS:,} versions with one destination that stay PENDING, all written at once:")
    for name, start, end in SPANS:
        looks = schedule.looks(end) - schedule.looks(start)
        heads = VERSIONS * looks
        dollars = heads / 1e6 * DOLLARS_A_MILLION_HEADS
        print(
            f"  {name:10}  {looks} looks each, {heads / (end - start):>12,.0f} HEADs an hour,"
            f" ${dollars:.2f} in all"
        )


if __name__ == "__main__":
    main()
