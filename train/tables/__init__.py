"""A CSV file as people have them: read, understood column by column, and made into fields."""
