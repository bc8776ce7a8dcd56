"""Inventories and batch reports become facts about objects that already exist."""
