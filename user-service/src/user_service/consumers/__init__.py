"""What runs in the background, fed by the broker or by time; each translates into a use case."""
