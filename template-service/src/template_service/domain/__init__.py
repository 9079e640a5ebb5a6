"""The rules of templates: pure, no I/O."""
