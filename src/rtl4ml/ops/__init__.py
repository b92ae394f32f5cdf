"""Operators, one module a family: legality, range and integer truth of each."""
