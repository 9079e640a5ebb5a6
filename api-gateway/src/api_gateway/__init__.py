"""The public entry: accepts notifications durably and explains what happened to them."""
