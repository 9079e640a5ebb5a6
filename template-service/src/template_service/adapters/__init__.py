"""The ports of the domain, on PostgreSQL, Redis and user-service."""
