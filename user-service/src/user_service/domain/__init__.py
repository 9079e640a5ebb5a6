"""The rules of users and API keys: pure, no I/O."""
