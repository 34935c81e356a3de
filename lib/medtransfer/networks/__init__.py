"""What answers: architectures, trained networks, imported networks."""
