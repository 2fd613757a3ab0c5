"""What the best would be: exact optima, proved bounds, statements about coordination. Nothing here learns."""
