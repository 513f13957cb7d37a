"""Train models and write them as artefacts that the service serves."""
