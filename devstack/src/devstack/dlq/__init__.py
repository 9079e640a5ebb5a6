"""`make dlq`: dead letters from the shell, by the gateway's admin API and nothing else."""
