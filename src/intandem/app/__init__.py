"""The command line: arguments in, words or JSON out. What commands do is in the rooms below; nothing imports this."""
