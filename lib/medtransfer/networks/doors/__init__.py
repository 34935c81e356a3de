"""Doors: how models of others are asked, one file per kind."""
