"""What is read out of an object: the source key that it bears, and a digest of what people edit."""
