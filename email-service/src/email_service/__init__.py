"""Delivers email notifications by SMTP and SendGrid."""
