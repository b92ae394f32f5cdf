"""Operators, one module a family: legality, integer truth and hardware of each."""
