"""What was predicted, on disk before it is answered: journal, collector, database.

`store` alone knows databases; `privacy` says what of the inputs is kept. Imports models.
"""
