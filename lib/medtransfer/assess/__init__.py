"""Your own model: what an attacker would have to know to change its answers."""
