"""What touches the outside world for email: MIME, SMTP, DKIM and SendGrid."""
