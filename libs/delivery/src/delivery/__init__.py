"""The channel engine: consume, claim, render, send by providers, retry, dead-letter, report."""
