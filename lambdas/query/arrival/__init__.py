"""Whether a whole set of object versions has arrived."""
