"""What learns from rows: estimators, the choice among them, and their calibration."""
