"""HEAD on versions that are PENDING, FAILED or in doubt, audits, look-backs and set-up inspection."""
