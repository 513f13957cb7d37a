"""Which version of each model serves: the registry, decisions, the gate, the rehearsal.

Knows no request. Imports formats and models.
"""
