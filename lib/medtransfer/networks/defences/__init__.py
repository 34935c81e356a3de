"""Defences: networks that stand in front of others, join them, or train in another way."""
