"""Pages as a browser asks for them."""

from flask.testing import FlaskClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def page(client: FlaskClient, path: str, language: str = "en") -> str:
    """A page as a browser with this language gets it."""
    response = client.get(path, headers=BROWSER | {"Accept-Language": language})
    assert (response.status_code, response.mimetype) == (200, "text/html"), response.text
    return response.text
