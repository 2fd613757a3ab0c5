"""One file per command. Each function is a command: its arguments are the options, its docstring the help."""
