"""An API of canned answers on loopback, for tests of the command, of the page, and its pictures.

The answers are made by the tracker's own views from made-up facts, so they have the shapes of
docs/openapi.json; tests/s3rt/test_fake_api.py proves it.
"""
