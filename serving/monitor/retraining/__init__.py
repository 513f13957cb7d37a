"""What may follow an alert: a new version is trained, put on trial and put live."""
