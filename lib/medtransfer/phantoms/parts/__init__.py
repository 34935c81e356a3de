"""What drawings are made of: anatomy, signs, film, canvas."""
