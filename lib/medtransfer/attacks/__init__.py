"""Gradient attacks, their controls, and how visible they are."""

import os

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # Foolbox imports GitPython, which wants git
