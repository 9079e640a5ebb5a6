"""The mail half of the sandbox: an SMTP server, the mailbox, and Mailpit's REST API over it."""
