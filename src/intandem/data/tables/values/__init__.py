"""What a firm's writing means: numbers, days, periods and typed columns. Which rows cannot be used is in `checks`."""
