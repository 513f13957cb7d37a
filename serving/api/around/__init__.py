"""What is done around every request: id, errors, compression, CORS, counting.

Knows no model.
"""
