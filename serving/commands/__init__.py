"""The commands of `adega`, in one file for each family."""
