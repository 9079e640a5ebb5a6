"""Users, credentials, preferences, devices and API keys."""
