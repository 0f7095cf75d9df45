"""
Asks a service what KServe's REST client can ask for: python kserve-client.py URL KEY

Reads a tensor for each model from standard input, and prints what came back, both as JSON.
"""

import asyncio
import json
import sys

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tensors import datatype, decode, encode

url, key = sys.argv[1:]
tensors = {model: decode(tensor) for model, tensor in json.load(sys.stdin).items()}


def request(model, binary=True, binary_output=True, **options):
    pixels = tensors[model]
    tensor = InferInput("images", list(pixels.shape), datatype(pixels))
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return InferRequest(model, [tensor], parameters={"binary_data_output": binary_output}, **options)


def as_dict(model):
    pixels = tensors[model]
    return {
        "inputs": [
            {"name": "images", "shape": list(pixels.shape), "datatype": datatype(pixels), "data": pixels.tolist()}
        ]
    }


def show(answer):
    return {
        "model": answer.model_name,
        "id": answer.id,
        "binary": [output.name for output in answer.outputs if output.parameters is not None],
        "outputs": {output.name: encode(output.as_numpy()) for output in answer.outputs},
    }


async def main():
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def infer(model, data, **headers):
            answer = await client.infer(url, data, model_name=model, headers={"x-api-key": key, **headers})
            return show(answer)

        async def refusal(model, data, **headers):
            try:
                await infer(model, data, **headers)
            except httpx.HTTPStatusError as error:
                return {"status": error.response.status_code, "message": str(error)}
            return None

        async def is_model_ready(model):
            return await client.is_model_ready(url, model, headers={"x-api-key": key})

        some = [RequestedOutput("output1", {"binary_data": True}), RequestedOutput("output0", {"binary_data": False})]
        together = await asyncio.gather(*(infer("colours", request("colours")) for _ in range(8)))
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "models": {name: await is_model_ready(name) for name in ["colours", "nobody"]},
            "answers": {
                "bytes": await infer("colours", request("colours", request_id="42")),
                "numbers": await infer("colours", request("colours", binary=False, binary_output=False)),
                "nested numbers": await infer("colours", as_dict("colours")),
                "version": await infer("colours/versions/1", request("colours")),
                "batch": await infer("dynamic", request("dynamic")),
                "halves": await infer("float16", request("float16")),
                "both": await infer("segment-raw", request("segment-raw", request_outputs=some)),
                **{f"together {index}": answer for index, answer in enumerate(together)},
            },
            "refusals": {
                "key": await refusal("colours", request("colours"), **{"x-api-key": "another"}),
                "model": await refusal("nobody", request("colours")),
                "shape": await refusal("colours", request("dynamic")),
                "datatype": await refusal("colours", request("float16")),
                "half as number": await refusal("float16", request("float16", binary_output=False)),
                "output": await refusal("colours", request("colours", request_outputs=[RequestedOutput("output9")])),
                "deadline": await refusal("colours", request("colours"), **{"x-request-timeout-ms": "soon"}),
            },
        }


print(json.dumps(asyncio.run(main())))
