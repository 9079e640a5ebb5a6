"""HTTP routes; they translate into use cases and back."""
