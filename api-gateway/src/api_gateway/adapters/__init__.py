"""The gateway's sides to PostgreSQL, Redis, RabbitMQ and the other services."""
