"""What is studied: profiles, and the tables of the paper as specs."""
