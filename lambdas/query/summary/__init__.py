"""The state of every destination of a bucket."""
