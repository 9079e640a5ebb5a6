"""Delivers push notifications by FCM HTTP v1."""
