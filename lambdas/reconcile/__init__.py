"""HEAD on versions that are PENDING, FAILED or in doubt; audits; inspection of bucket set-ups."""
