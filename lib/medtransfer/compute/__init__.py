"""From specs to stored results, and what is known about them."""
