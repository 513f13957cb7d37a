"""What may follow an alert: the next version trained, tried and put live."""
