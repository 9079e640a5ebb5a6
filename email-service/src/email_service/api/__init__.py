"""HTTP: what mail servers and providers report comes in here."""
