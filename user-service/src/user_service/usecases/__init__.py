"""One file per verb; each sees the outside only through the ports of the domain."""
