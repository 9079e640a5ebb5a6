"""Private PostgreSQL, Redis, RabbitMQ and a sandbox of the outside world, for make run, tests and benchmarks."""
