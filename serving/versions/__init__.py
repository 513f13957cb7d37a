"""Which version of each model is served: registry, decisions, gate, rehearsal.

Where models come from an object store, one process of a host copies it into a folder (`mirror`),
and all else reads that folder.

Knows no request. Imports formats and models.
"""
