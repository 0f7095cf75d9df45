"""FastAPI + ONNX Runtime: a plain `def` endpoint with defaults, which FastAPI runs in its pool of 40 threads."""

import os

import uvicorn
from fastapi import Body, FastAPI

from detector import Detector

app = FastAPI()
detector = Detector()


@app.get("/health")
def health() -> dict:
    return {}


@app.post("/predict")
def predict(photo: bytes = Body(media_type="image/jpeg")) -> dict:
    return detector.detect(photo)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning")
