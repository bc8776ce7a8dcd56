"""A plugin of `make laws`: says in the end how much of the model was walked."""

from typing import TYPE_CHECKING

from tests.laws.machine import RUN

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    examples, steps = RUN["examples"], RUN["steps"]
    terminalreporter.write_line(f"laws: {examples} examples, checked after each of {steps} steps")
