"""The stack gives every function the environment variables that its code reads.

They are found in the code: `from_env` makes `Settings` from the environment, and each function
uses some of its fields.
"""

import ast
from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import pytest

from replication.settings import Settings, from_env
from tests.infra.synthesized import LAMBDAS, SERVICES, Synthesized
from tests.support.topology import topology_file

SETTINGS = LAMBDAS / "replication" / "settings.py"
OWN_NAMES = {
    "dead_letter_queue_url": "INGEST_DEAD_LETTER_QUEUE_URL",
    "topology": "TOPOLOGY_FILE",
}
"""Fields whose variable is not the field's name in capitals."""


@cache
def variables() -> dict[str, str]:
    """The environment variable of each field of `Settings`."""
    names = [field.name for field in fields(Settings)]
    return {name: OWN_NAMES.get(name, name.upper()) for name in names}


def nodes(service: str) -> Iterator[ast.AST]:
    for file in (LAMBDAS / service).rglob("*.py"):
        yield from ast.walk(ast.parse(file.read_text()))


def required(service: str) -> list[str]:
    """The variables that the function names as indispensable."""
    return [
        str(argument.value)
        for node in nodes(service)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == from_env.__name__
        for argument in node.args[1:]
        if isinstance(argument, ast.Constant)
    ]


def used(service: str) -> set[str]:
    """The variables of the fields that the function uses."""
    names = {
        node.attr
        for node in nodes(service)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("settings")
    }
    if names & {"tracked", "source_buckets", "destination_buckets"}:
        names.add("topology")
    return {variable for name, variable in variables().items() if name in names}


def test_the_variable_of_every_field_is_one_that_from_env_reads() -> None:
    constants = {
        node.value
        for node in ast.walk(ast.parse(SETTINGS.read_text()))
        if isinstance(node, ast.Constant)
    }
    assert set(variables().values()) <= constants


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_gets_every_setting_that_its_code_uses(stack: Synthesized, service: str) -> None:
    given = {**stack.variables(service)}
    assert used(service), "every function finds the ledger; this test has stopped seeing it"
    assert used(service) <= set(given)
    given |= {"TOPOLOGY_FILE": topology_file("orders")}  # what is deployed lies beside the code
    assert from_env(given, *required(service)).table_name == stack.table.id


def test_the_redrive_function_gets_every_setting_that_its_code_uses(redriven: Synthesized) -> None:
    given = redriven.variables("redrive")
    assert used("redrive") <= set(given)
    given |= {"TOPOLOGY_FILE": topology_file("orders")}
    assert from_env(given, *required("redrive")).redrive_bucket
    assert redriven.variables("backfill")["REDRIVE_QUEUE_URL"] == given["REDRIVE_QUEUE_URL"]


def test_no_function_gets_a_variable_that_is_no_setting(stack: Synthesized) -> None:
    for service in SERVICES:
        given = {name for name in stack.variables(service) if not name.startswith("POWERTOOLS_")}
        assert given <= {*variables().values(), "HOME_ACCOUNT"}
