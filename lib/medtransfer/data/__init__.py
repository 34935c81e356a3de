"""Images, labels, groups and splits."""
