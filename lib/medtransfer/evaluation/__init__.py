"""Transfer of attacks, and what is measured on it."""
