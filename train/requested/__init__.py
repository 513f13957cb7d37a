"""Carries out trainings that are requested over HTTP, in a process of its own."""
