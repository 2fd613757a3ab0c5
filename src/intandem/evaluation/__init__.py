"""How policies are judged: simulation, comparison, tuning, studies and their pages. Nothing here learns or decides."""
