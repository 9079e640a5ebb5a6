"""Pure decisions of the gateway: admission, state, identity. No I/O, no framework."""
