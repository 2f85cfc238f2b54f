"""How sharp a guard is: the shift that each statistical value would show, and how loose each other rule is."""
