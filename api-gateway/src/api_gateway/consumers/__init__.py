"""Queue consumers; they translate into use cases."""
