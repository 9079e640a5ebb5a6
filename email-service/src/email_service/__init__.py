"""Delivers email notifications by SMTP."""
