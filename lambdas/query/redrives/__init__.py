"""Redrives: what the function `redrive` plans, starts and follows."""
