"""What this service does beside delivering: records what was learned after a mail had left."""
