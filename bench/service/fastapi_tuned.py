"""FastAPI tuned by hand: a pool of as many threads as there are processors, each with a session of one thread."""

import asyncio
import os
import queue
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI, Request

from detector import Detector

WORKERS = int(os.environ["BENCH_WORKERS"])
detectors: queue.SimpleQueue = queue.SimpleQueue()
for _ in range(WORKERS):
    detectors.put(Detector())
pool = ThreadPoolExecutor(WORKERS)
app = FastAPI()


@app.get("/health")
def health() -> dict:
    return {}


def detect(photo: bytes) -> dict:
    detector = detectors.get()
    try:
        return detector.detect(photo)
    finally:
        detectors.put(detector)


@app.post("/predict")
async def predict(request: Request) -> dict:
    photo = await request.body()
    return await asyncio.get_running_loop().run_in_executor(pool, detect, photo)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning")
