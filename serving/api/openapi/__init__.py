"""The API's document, made from what each route declares."""
