"""SendGrid's v3 API as far as a sender of single mails meets it, and its signed events."""
