import { PATHS } from "../../contract.ts";
import type { ErrorCode } from "../errors.ts";
import { MODEL_VERSION } from "../routes/inference-protocol/description.ts";
import { HEAD_LENGTH_HEADER } from "../routes/inference-protocol/response.ts";
import type { Engine } from "../state.ts";
import {
  CALLER_HEADERS,
  errorAnswers,
  type Guards,
  guarded,
  json,
  type Operation,
  type Parameter,
  type Paths,
} from "./operations.ts";
import { ref, type SchemaName } from "./schemas.ts";

const ROOT = PATHS.inferenceProtocol;

const DESCRIPTION = `Runs the model on tensors, without decoding, scaling or reading what comes out. With the header \`${HEAD_LENGTH_HEADER}\` the body is so
many bytes of JSON and then the bytes of those tensors that have the parameter \`binary_data_size\`; with 0, it is the bytes of
the only input. Tensors are row-major and little-endian.`;

const HEAD_LENGTH: Parameter = {
  name: HEAD_LENGTH_HEADER,
  in: "header",
  description: "Bytes of JSON in front of binary tensors. The whole body is JSON when missing.",
  schema: { type: "integer", minimum: 0 },
};

/** Describes the Open Inference Protocol, with the names of the models that are loaded. */
export function inferenceProtocolPaths(guards: Guards, engine: Engine | undefined): Paths {
  const { codes, security } = guarded(guards);
  const names = engine === undefined ? {} : { enum: [...engine.models.keys()] };
  const model: Parameter = {
    name: "model",
    in: "path",
    required: true,
    description: "Name of the model.",
    schema: { type: "string", ...names },
  };
  const version: Parameter = {
    name: "version",
    in: "path",
    required: true,
    description: "The only one.",
    schema: { type: "string", enum: [MODEL_VERSION] },
  };

  const open = (id: string, summary: string, schema: SchemaName, errors: ErrorCode[]): Operation => ({
    operationId: id,
    tags: ["Open Inference Protocol"],
    summary,
    responses: {
      200: { description: "As asked.", content: json(ref(schema)) },
      ...errorAnswers(errors, "InferenceError"),
    },
  });
  const closed = (
    id: string,
    summary: string,
    schema: SchemaName,
    parameters: Parameter[],
    errors: ErrorCode[] = [],
  ): Operation => ({
    ...open(id, summary, schema, [...codes, "YOLO_NOT_READY", ...errors]),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(security === undefined ? {} : { security }),
  });
  const infer = (id: string, parameters: Parameter[]): Operation => {
    const errors: ErrorCode[] = [
      "YOLO_MODEL_UNKNOWN",
      "YOLO_PARAMETER_INVALID",
      "YOLO_TENSOR_INVALID",
      "YOLO_BODY_TOO_LARGE",
      "YOLO_MEDIA_TYPE_UNSUPPORTED",
      "YOLO_QUEUE_FULL",
      "YOLO_REQUEST_TIMEOUT",
    ];
    const operation = closed(
      id,
      "Run a model on tensors",
      "InferResponse",
      [...parameters, HEAD_LENGTH, ...CALLER_HEADERS],
      errors,
    );
    const bytes = { "application/octet-stream": { schema: { type: "string", format: "binary" } } } as const;
    const { 200: found, ...failures } = operation.responses;
    return {
      ...operation,
      description: DESCRIPTION,
      requestBody: { description: "Tensors.", required: true, content: { ...json(ref("InferRequest")), ...bytes } },
      responses: {
        200: {
          description: "The outputs; with bytes behind the JSON where the request asks for them.",
          headers: { [HEAD_LENGTH_HEADER]: { description: HEAD_LENGTH.description, schema: HEAD_LENGTH.schema } },
          content: { ...found?.content, ...bytes },
        },
        ...failures,
      },
    };
  };

  const ofModel = (path: string, suffix: string, parameters: Parameter[]): Paths => ({
    [path]: { get: closed(`model${suffix}`, "A model's tensors", "ModelMetadata", parameters, ["YOLO_MODEL_UNKNOWN"]) },
    [`${path}/ready`]: {
      get: closed(`modelReady${suffix}`, "Is a model ready?", "ModelReady", parameters, ["YOLO_MODEL_UNKNOWN"]),
    },
    [`${path}/config`]: {
      get: closed(`modelConfig${suffix}`, "A model's configuration, as Triton has it", "ModelConfig", parameters, [
        "YOLO_MODEL_UNKNOWN",
      ]),
    },
    [`${path}/infer`]: { post: infer(`infer${suffix}`, parameters) },
  });
  const withVersion = ofModel(`${ROOT}/models/{model}/versions/{version}`, "Version", [model, version]);
  return {
    [ROOT]: { get: closed("server", "The server and its extensions", "ServerMetadata", []) },
    [`${ROOT}/health/live`]: { get: open("serverLive", "Does the server live?", "ServerLive", ["YOLO_NOT_READY"]) },
    [`${ROOT}/health/ready`]: { get: open("serverReady", "Is the server ready?", "ServerReady", ["YOLO_NOT_READY"]) },
    ...ofModel(`${ROOT}/models/{model}`, "", [model]),
    ...withVersion,
    [`${ROOT}/repository/index`]: { post: closed("repositoryIndex", "All models", "RepositoryIndex", []) },
  };
}
