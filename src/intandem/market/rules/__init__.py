"""What a market may hold: keys, bounds and the rules that join them; files and arrays are checked by it alike."""
