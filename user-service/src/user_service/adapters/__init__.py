"""The ports of the domain, on PostgreSQL, Redis, Argon2 and JSON Web Tokens."""
