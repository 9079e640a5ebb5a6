"""What the sandbox shows over HTTP besides the providers' interfaces, and how it is served."""
