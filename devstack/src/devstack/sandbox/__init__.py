"""The sandbox: one process that stands in for the mail and push providers of the outside world.

It accepts mail by SMTP and pushes by FCM HTTP v1, logs what it was handed, fails on command, and
shows what arrived on a web page and by Mailpit's REST API.
"""
