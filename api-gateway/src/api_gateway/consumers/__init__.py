"""What drives the use cases without a request: queue consumers, and loops."""
