"""Wire formats shared by all processes: messages, events, envelope, names, error codes."""
