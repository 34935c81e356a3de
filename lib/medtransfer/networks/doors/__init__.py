"""Doors: ways in which models that others made are asked, a file each."""
