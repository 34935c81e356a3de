"""Your own model: who could attack it, with what knowledge, and what comes of it."""
