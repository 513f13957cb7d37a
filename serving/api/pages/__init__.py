"""What a browser sees: the form, cards and the monitor, in English and Portuguese.

With their templates and scripts.
"""
