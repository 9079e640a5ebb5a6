"""Failures on command: every way in which a provider can let its client down."""
