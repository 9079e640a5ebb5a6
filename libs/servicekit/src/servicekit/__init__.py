"""Technical ground of every service: app factory, errors, logging, health, connections."""
