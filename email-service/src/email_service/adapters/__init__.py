"""What touches the outside world for email: MIME and SMTP."""
