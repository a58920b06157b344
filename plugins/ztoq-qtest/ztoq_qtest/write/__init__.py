"""Creates and changes the objects of each kind."""
