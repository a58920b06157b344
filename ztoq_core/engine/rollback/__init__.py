"""Rollback and pruning: deletes what ztoq created in the target, and nothing else."""
