"""The push half of the sandbox: FCM HTTP v1, Google's token endpoint, and the pushes received."""
