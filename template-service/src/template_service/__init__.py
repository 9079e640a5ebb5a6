"""Templates, their immutable versions and languages."""
