"""What a load would do, what that takes, and what stands in its way; nothing is written."""
