"""The commands of `adega train`, each with its options."""
