"""How the app runs under gunicorn: worker, collector process, check of the pickles.

In a worker, greenlets wait for clients (worker, client), plain requests are answered from their
bytes (plain), and threads run the app for all others (threads). Knows of the app only what it
declares in `serving/front.py`.
"""
