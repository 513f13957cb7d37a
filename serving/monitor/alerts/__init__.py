"""Alerts: what raises, keeps and clears them, and the webhook they are sent to."""
