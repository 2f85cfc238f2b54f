"""How much would this guard catch? Faults are made on purpose, and each is verified as a change would be.

``faults`` makes mutants, ``trial`` tries them apart from the repository, ``answer`` says what came of it, and ``proof``
leads from one to the next.
"""
