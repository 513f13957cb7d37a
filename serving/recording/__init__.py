"""The record of predictions and feedback: journal, collector, store.

Only `store` knows databases; `privacy` keeps personal data out. Imports models.
"""
