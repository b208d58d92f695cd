"""Who may use the service, and how often: keys, the files they come from, and rate limits. Knows no HTTP."""
