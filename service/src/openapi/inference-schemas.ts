import { z } from "zod";

/**
 * What the Open Inference Protocol asks and answers in JSON. Requests are read by a reader of their own, so that millions
 * of numbers do not hold up the service; a test sends it what these schemas allow and what they do not.
 */

const datatype = z.enum(["FP32", "FP16", "UINT8", "INT32", "INT64", "BOOL"]);
const size = z.int().min(1);
const name = z.string().min(1);
const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const tensorMetadata = z.object({
  name,
  datatype,
  shape: z.array(z.int().min(-1)).describe("-1 stands for a size that varies."),
});

const serverMetadata = z.object({ name, version: z.string(), extensions: z.array(z.string()) });

const modelMetadata = z.object({
  name,
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});

const data = z.array(z.union([z.number(), z.boolean()]));

const inferRequest = z
  .object({
    id: z.string().exactOptional().describe("Sent back."),
    parameters: parameters.exactOptional(),
    inputs: z
      .array(
        z.object({
          name,
          datatype,
          shape: z.array(size).min(1),
          data: data
            .exactOptional()
            .describe("In row-major order, flat or nested as the shape. Missing for binary data."),
          parameters: parameters.exactOptional().describe("binary_data_size: bytes of this tensor behind the JSON."),
        }),
      )
      .min(1),
    outputs: z
      .array(z.object({ name, parameters: parameters.exactOptional().describe("binary_data: bytes behind the JSON.") }))
      .exactOptional()
      .describe("All when missing or empty."),
  })
  .describe("Tensors as the model's metadata describes them.");

const inferResponse = z.object({
  id: z.string().exactOptional(),
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.array(
    z.object({
      name,
      datatype,
      shape: z.array(z.int().min(0)),
      data: z.array(z.number()).exactOptional(),
      parameters: z.object({ binary_data_size: z.int() }).exactOptional(),
    }),
  ),
});

const configured = z.object({
  name,
  data_type: z.string().regex(/^TYPE_/),
  dims: z.array(z.int()),
});

const modelConfig = z.object({
  name,
  platform: z.string(),
  backend: z.string(),
  version_policy: z.object({ latest: z.object({ num_versions: z.int() }) }),
  max_batch_size: z.int(),
  input: z.array(configured.extend({ format: z.string(), optional: z.boolean() })),
  output: z.array(configured.extend({ label_filename: z.string(), is_shape_tensor: z.boolean() })),
  default_model_filename: z.string(),
  parameters: z.record(z.string(), z.object({ string_value: z.string() })),
});

const repositoryIndex = z.array(z.object({ name, version: z.string(), state: z.literal("READY"), reason: z.string() }));

/** Schemas by the name that they have in the document. */
export const INFERENCE_SCHEMAS = {
  ServerMetadata: serverMetadata,
  ModelMetadata: modelMetadata,
  TensorMetadata: tensorMetadata,
  ModelConfig: modelConfig,
  InferRequest: inferRequest,
  InferResponse: inferResponse,
  RepositoryIndex: repositoryIndex,
  ServerLive: z.object({ live: z.literal(true) }),
  ServerReady: z.object({ ready: z.literal(true) }),
  ModelReady: z.object({ name, ready: z.literal(true) }),
  InferenceError: z.object({ error: z.string() }).describe("Why there is no other answer."),
} as const;
