"""Failures, grouped."""
