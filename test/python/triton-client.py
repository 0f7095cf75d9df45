"""
Asks a service what Triton's HTTP client can ask for: python triton-client.py HOST:PORT KEY

Reads a tensor for each model from standard input, and prints what came back, both as JSON.
"""

import asyncio
import json
import sys

import tritonclient.http as triton
import tritonclient.http.aio as asynchronous
from tensors import datatype, decode, encode
from tritonclient.utils import InferenceServerException

address, key = sys.argv[1:]
tensors = {model: decode(tensor) for model, tensor in json.load(sys.stdin).items()}


class Key(triton.InferenceServerClientPlugin):
    def __call__(self, request):
        request.headers["x-api-key"] = key


def images(model, binary=True):
    pixels = tensors[model]
    tensor = triton.InferInput("images", list(pixels.shape), datatype(pixels))
    return [tensor.set_data_from_numpy(pixels, binary_data=binary)]


def wanted(**outputs):
    return [triton.InferRequestedOutput(name, binary_data=binary) for name, binary in outputs.items()]


def show(answer):
    head = answer.get_response()
    names = [output["name"] for output in head["outputs"]]
    return {
        "model": head["model_name"],
        "id": head.get("id"),
        "binary": [output["name"] for output in head["outputs"] if "parameters" in output],
        "outputs": {name: encode(answer.as_numpy(name)) for name in names},
    }


def refusal(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except InferenceServerException as error:
        return {"status": int(error.status()), "message": error.message()}
    return None


async def ask_asynchronously():
    async with asynchronous.InferenceServerClient(address) as client:
        client.register_plugin(Key())
        return await client.infer("colours", images("colours"))


def answers(client):
    yield "bytes", client.infer("colours", images("colours"), request_id="42")
    yield "numbers", client.infer("colours", images("colours", False), outputs=wanted(output0=False))
    yield "version", client.infer("colours", images("colours"), model_version="1")
    yield "batch", client.infer("dynamic", images("dynamic"))
    yield "halves", client.infer("float16", images("float16"))
    yield "both", client.infer("segment-raw", images("segment-raw"), outputs=wanted(output1=True, output0=False))
    for algorithm in ["gzip", "deflate"]:
        compression = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
        yield algorithm, client.infer("colours", images("colours"), **compression)
    ignored = {"sequence_id": 7, "priority": 1, "timeout": 1, "parameters": {"mood": "good"}}
    yield "parameters", client.infer("colours", images("colours"), **ignored)
    together = [client.async_infer("colours", images("colours")) for _ in range(8)]
    for index, request in enumerate(together):
        yield f"together {index}", request.get_result()
    yield "asyncio", asyncio.run(ask_asynchronously())


def refusals(client):
    yield "model", refusal(client.infer, "nobody", images("colours"))
    yield "version", refusal(client.get_model_metadata, "colours", "2")
    yield "shape", refusal(client.infer, "colours", images("dynamic"))
    yield "datatype", refusal(client.infer, "colours", images("float16"))
    yield "half as number", refusal(client.infer, "float16", images("float16"), outputs=wanted(output0=False))
    yield "output", refusal(client.infer, "colours", images("colours"), outputs=wanted(output9=True))
    yield "deadline", refusal(client.infer, "colours", images("colours"), headers={"x-request-timeout-ms": "soon"})
    classes = [triton.InferRequestedOutput("output0", class_count=3)]
    yield "classification", refusal(client.infer, "colours", images("colours"), outputs=classes)
    shared = images("colours")
    shared[0].set_shared_memory("region", 49152)
    yield "shared memory", refusal(client.infer, "colours", shared)
    yield "load", refusal(client.load_model, "colours")
    yield "unload", refusal(client.unload_model, "colours")
    yield "statistics", refusal(client.get_inference_statistics, "colours")
    yield "regions", refusal(client.get_system_shared_memory_status)
    yield "trace", refusal(client.get_trace_settings)
    yield "logging", refusal(client.get_log_settings)


with triton.InferenceServerClient(address) as client:
    stranger = refusal(client.get_server_metadata)

with triton.InferenceServerClient(address, concurrency=4) as client:
    client.register_plugin(Key())
    report = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "models": {name: client.is_model_ready(name) for name in ["colours", "nobody"]},
        "versions": {version: client.is_model_ready("colours", version) for version in ["1", "2"]},
        "server": client.get_server_metadata(),
        "metadata": client.get_model_metadata("dynamic"),
        "config": client.get_model_config("colours"),
        "index": client.get_model_repository_index(),
        "answers": {name: show(answer) for name, answer in answers(client)},
        "refusals": {"key": stranger, **dict(refusals(client))},
    }
print(json.dumps(report))
