"""Check of throttled statements: 12."""

from collections import Counter

from botocore.exceptions import ClientError

from replication.aws.table.ledger import STATEMENTS_A_CALL, THROTTLED
from s3rt.aws_check import making
from s3rt.aws_check.lab import Lab
from s3rt.aws_check.observation import Result, differs, holds, not_checked

_CALLS = 40
_NO_RETRIES = {"total_max_attempts": 1}


def throttled_statements(lab: Lab) -> Result:
    """12: on a table that takes one write a second."""
    account = lab.account
    lab.progress("making a table that takes one write a second")
    table = making.throttled_table(account, lab.made, lab.name)
    client = account.client_of(account.session, "dynamodb", retries=_NO_RETRIES)
    codes: Counter[str] = Counter()
    for call in range(_CALLS):
        if codes or account.seconds() > account.ends_at:
            break
        statements = [
            {
                "Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': ?}}",
                "Parameters": [{"S": f"{call}/{number}"}],
            }
            for number in range(STATEMENTS_A_CALL)
        ]
        try:
            answers = client.batch_execute_statement(Statements=statements)["Responses"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return differs(f"not single statements but the whole call was refused: {code}")
        codes.update(one["Error"]["Code"] for one in answers if "Error" in one)
    if not codes:
        return not_checked(f"none of {_CALLS * STATEMENTS_A_CALL} statements was throttled")
    seen = ", ".join(f"{count} statements {code}" for code, count in sorted(codes.items()))
    return holds(seen) if set(codes) <= THROTTLED else differs(seen)
