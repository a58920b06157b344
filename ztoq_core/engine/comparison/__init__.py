"""What an object of the target holds, compared with what was sent."""
