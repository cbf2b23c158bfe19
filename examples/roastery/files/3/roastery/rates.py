"""Exchange rates from the finance desk's feed."""

import base64
import http.client
import json
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 2


def path_of(url, currency):
    return f"{urlsplit(url).path.rstrip('/')}/EUR/{currency}"


def credentials(url):
    """The header for the user and password in the feed's address, if there are any."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def fetch(url, currency):
    """How much of a currency one euro buys."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path_of(url, currency), headers=credentials(url))
        return float(json.load(connection.getresponse())["rate"])
    finally:
        connection.close()


def convert(cents, rate):
    """An amount in the other currency's cents, rounded to whole ones."""
    return int(cents * rate + 0.5)
