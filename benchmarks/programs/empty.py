"""Nothing: what is left is start and end."""
