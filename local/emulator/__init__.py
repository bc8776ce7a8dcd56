"""MiniStack with this project's patches, and its process: `python -m local.emulator`."""
