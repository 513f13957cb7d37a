"""What people write in a cell or a JSON text, and the value that it stands for.

Training learns from a column how its values are written; serving reads them the same way. Nothing
here knows of models: texts in, numbers out.
"""
