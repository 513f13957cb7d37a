"""Alerts: raising, keeping and clearing them, and the webhook that they are sent to."""
