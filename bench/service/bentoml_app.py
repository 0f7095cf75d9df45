"""BentoML: one service with its defaults; the photo comes in a multipart form, as its API has it."""

from pathlib import Path

import bentoml

from detector import Detector


@bentoml.service
class Bench:
    def __init__(self) -> None:
        self.detector = Detector()

    @bentoml.api
    def predict(self, photo: Path) -> dict:
        return self.detector.detect(photo.read_bytes())
