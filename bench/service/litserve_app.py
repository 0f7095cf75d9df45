"""LitServe: with its defaults one worker process; tuned, as many as there are processors, with one thread each.

The photo comes in a multipart form, because its API reads other bodies as JSON only.
"""

import os

import litserve
from detector import Detector


class Api(litserve.LitAPI):
    def setup(self, device):
        self.detector = Detector()

    def decode_request(self, request):
        return request["photo"].file.read()

    def predict(self, photo):
        return self.detector.detect(photo)

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    workers = int(os.environ.get("BENCH_WORKERS", "1"))
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), generate_client_file=False, log_level="warning")
