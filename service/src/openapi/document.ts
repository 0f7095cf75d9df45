import { HEADERS } from "../../contract.ts";
import type { Engine } from "../state.ts";
import { VERSION } from "../version.ts";
import { inferenceProtocolPaths } from "./inference-protocol.ts";
import { operatingPaths } from "./operating.ts";
import type { Guards, Paths } from "./operations.ts";
import { predictPaths } from "./predict.ts";
import { type JsonSchema, jsonSchemas } from "./schemas.ts";

/** An OpenAPI document, as far as this one goes (https://spec.openapis.org/oas/v3.1.1.html). */
export interface OpenapiDocument {
  openapi: "3.1.1";
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Paths;
  components: { schemas: Record<string, JsonSchema>; securitySchemes?: Record<string, object> };
}

/**
 * Describes everything that can be asked of this service, from the schemas that check requests and from the models that
 * are loaded.
 * @param engine undefined while models are being loaded; their names and limits are then missing
 */
export function openapiDocument(guards: Guards, engine: Engine | undefined): OpenapiDocument {
  const securitySchemes = {
    apiKey: { type: "apiKey", in: "header", name: HEADERS.apiKey },
    bearer: { type: "http", scheme: "bearer", description: "The same key as a bearer token." },
  };
  return {
    openapi: "3.1.1",
    info: {
      title: "YOLO detection service",
      version: VERSION,
      description: "Finds objects in images with YOLO models, by ONNX Runtime.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "Detection", description: "Images in, what was found in them out." },
      { name: "Open Inference Protocol", description: "Tensors in, tensors out, as KServe and Triton speak it." },
      { name: "Operation", description: "For who runs the service." },
    ],
    paths: {
      ...predictPaths(guards, engine),
      ...inferenceProtocolPaths(guards, engine),
      ...operatingPaths(guards, engine),
    },
    components: { schemas: jsonSchemas(), ...(guards.apiKeysFile === "" ? {} : { securitySchemes }) },
  };
}
