"""Which version of each model is served: registry, decisions, gate, rehearsal.

Knows no request. Imports formats and models.
"""
