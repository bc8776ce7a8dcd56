"""`python -m local.openapi`: writes docs/openapi.json, the API described by its routes."""

from __future__ import annotations

from local.emulator.server import ROOT
from query import openapi
from query.handler import app

DOCUMENT = ROOT / "docs" / "openapi.json"

if __name__ == "__main__":
    DOCUMENT.write_text(openapi.text(app))
