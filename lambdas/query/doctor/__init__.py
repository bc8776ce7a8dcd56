"""What keeps the tracker from knowing, and whether the API works."""
