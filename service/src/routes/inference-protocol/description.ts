import type { Model } from "../../model/layout.ts";
import { ELEMENT_BYTES, signatureOf, type TensorSpec } from "./tensors.ts";

/** The one version that each model has; another one of its kind is another model. */
export const MODEL_VERSION = "1";

/** What Triton calls a model that its ONNX Runtime backend runs. */
const PLATFORM = "onnxruntime_onnx";

/** Extensions of the protocol that the service has, by the names that Triton gives them. */
export const EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository"] as const;

/** Describes a model as `GET /v2/models/NAME` does. */
export function modelMetadata(name: string, model: Model) {
  return { name, versions: [MODEL_VERSION], platform: PLATFORM, ...signatureOf(model) };
}

/**
 * Describes a model as Triton's configuration of it: what clients read before they send tensors. Its shapes include the
 * batch, so that `max_batch_size` is 0.
 * Source: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
 */
export function modelConfig(name: string, model: Model) {
  const { inputs, outputs } = signatureOf(model);
  const tensor = ({ name, datatype, shape }: TensorSpec) => ({ name, data_type: TYPES[datatype], dims: shape });
  return {
    name,
    platform: PLATFORM,
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: inputs.map((spec) => ({ ...tensor(spec), format: "FORMAT_NONE", optional: false })),
    output: outputs.map((spec) => ({ ...tensor(spec), label_filename: "", is_shape_tensor: false })),
    default_model_filename: "model.onnx",
    parameters: { metadata: { string_value: pythonMetadata(model) } },
  };
}

const TYPES = Object.fromEntries(Object.keys(ELEMENT_BYTES).map((name) => [name, `TYPE_${name}`])) as Record<
  TensorSpec["datatype"],
  string
>;

/**
 * What a YOLO client wants to know of the model, as the text of a Python dict: the form in which Ultralytics' guide puts
 * it into a Triton configuration (https://docs.ultralytics.com/guides/triton-inference-server/).
 */
function pythonMetadata({ task, names, stride, width, height, batch, layout, keypoints }: Model): string {
  // JSON's texts and lists are Python's, too; its booleans and its keys are not.
  const entries: Record<string, string> = {
    task: JSON.stringify(task),
    stride: String(stride ?? 32),
    batch: String(batch ?? 1),
    imgsz: JSON.stringify([height, width]),
    names: `{${names.map((name, index) => `${index}: ${JSON.stringify(name)}`).join(", ")}}`,
    ...(keypoints === undefined ? {} : { kpt_shape: JSON.stringify([keypoints.count, keypoints.size]) }),
    ...(layout === "end-to-end" ? { end2end: "True" } : {}),
  };
  return `{${Object.entries(entries)
    .map(([key, value]) => `"${key}": ${value}`)
    .join(", ")}}`;
}
