"""What a client sends, made into rows: fields, the schema, and how people write values.

Texts and JSON in, rows and errors out. Knows no model and no database; imports errors alone.
"""
