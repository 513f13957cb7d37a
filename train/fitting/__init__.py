"""Fitting to rows: estimators, the choice among them, their calibration and threshold."""
