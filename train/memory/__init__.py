"""How much memory a training needs, and how much there is, before it is too late."""
