"""A version that becomes FAILED becomes a message on the failure topic."""
