"""Architectures, ImageNet weights, the classifier and its training."""
