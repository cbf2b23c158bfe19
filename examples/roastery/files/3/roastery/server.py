"""The HTTP front. Run with python3 -m roastery.server --port 8080 --log roastery.log"""

import argparse
import json
import logging
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from roastery import routes
from roastery.storage import Shop, opening_stock
from roastery.validation import ValidationError

log = logging.getLogger("roastery.server")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def answer(self, method):
        started = time.monotonic()
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        status, reply = self.respond(method, text)
        payload = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        log.info("%s %s %d %.1fms", method, self.path, status, (time.monotonic() - started) * 1000)

    def respond(self, method, text):
        try:
            body = json.loads(text) if text else None
            return routes.dispatch(self.server.shop, method, self.path, body)
        except json.JSONDecodeError as error:
            log.warning("bad request %s %s: JSONDecodeError: %s", method, self.path, error)
            return 400, {"error": f"not JSON: {error}"}
        except ValidationError as error:
            log.error("bad request %s %s", method, self.path, exc_info=True)
            return 400, {"error": str(error)}
        except Exception:
            log.exception("unhandled error in %s %s", method, self.path)
            return 500, {"error": "internal error"}

    def log_message(self, format, *args):
        """Access lines go to our own log, not to stderr."""


def main():
    parser = argparse.ArgumentParser(description="The roastery's order desk.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free port")
    parser.add_argument("--log", required=True, help="file to log to")
    parser.add_argument("--rates-url", default="http://127.0.0.1:8091/rates", help="the finance desk's feed")
    args = parser.parse_args()

    logging.basicConfig(
        filename=args.log,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.shop = Shop(opening_stock(), args.rates_url)
    log.info("order desk open on port %d, rates from %s", server.server_address[1], args.rates_url)
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        log.info("order desk closed")


if __name__ == "__main__":
    main()
