"""Attacks crafted once and scored on every target."""
