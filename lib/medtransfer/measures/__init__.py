"""What networks answered, and what is measured on it."""
