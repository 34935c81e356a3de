"""Gradient attacks, their controls, and how visible they are."""
