"""From specs to stored results, and what is known of these."""
