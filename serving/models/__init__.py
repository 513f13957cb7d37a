"""One version of a model: its folder on disk, the files in it, and the engine that predicts.

Knows no request and no other version. Imports inputs.
"""
