"""The API's document: put together from what each route declares where it is declared."""
