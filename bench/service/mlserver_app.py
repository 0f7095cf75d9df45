"""MLServer: a custom runtime with its defaults; the photo comes as base64 in the protocol's JSON."""

import json

from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from detector import Detector


class Bench(MLModel):
    async def load(self) -> bool:
        self.detector = Detector()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        photo = Base64Codec.decode_input(payload.inputs[0])[0]
        found = json.dumps(self.detector.detect(photo))
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("found", [found])])
