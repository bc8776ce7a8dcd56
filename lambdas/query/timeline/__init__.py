"""What happened, interval by interval."""
