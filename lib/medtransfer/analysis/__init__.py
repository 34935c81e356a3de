"""Tables, statistics and claims from stored results."""
