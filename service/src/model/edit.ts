import type { ProviderName } from "../inference/messages.ts";
import { divideConvolutions } from "./divide.ts";
import { GRAPH, readNodes, replaceNodes, TENSOR } from "./graph.ts";
import type { Model } from "./layout.ts";
import { ELEMENT, node, tensor, valueInfo } from "./onnx-writer.ts";
import { type Field, fields, integer, messages, text } from "./protobuf.ts";
import { bytesField, type Encoded, integerField, join } from "./protobuf-writer.ts";
import { spreadSoftmax } from "./softmax.ts";

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that are edited here. */
const MODEL = { graph: 7, opset: 8 } as const;

/** Names of what is added to a graph; no exporter writes a name that begins so. */
const ADDED = "service:";

/**
 * Edits the graph where that costs less. Of a raw head the best score of each anchor is computed there: 0.5 ms of ONNX
 * Runtime in place of 1.2 ms here, for 80 classes at 640 pixels. On a GPU pixels become planes there, which cuts what is
 * copied to it to a quarter; on a processor that is not done, because it costs 1.5 ms in place of 0.4 ms. On a processor
 * what ONNX Runtime is slow at is written otherwise (softmax.ts, divide.ts), which may change the last bits of a number.
 * @returns the file to run, and the model as it then is; files that cannot be edited come back as they are
 */
export function prepareGraph(
  content: Uint8Array,
  model: Model,
  provider: ProviderName,
): { content: Uint8Array; model: Model } {
  const opset = opsetOf(content);
  let prepared = { content, model };
  // Before version 10 Slice has no inputs for its limits; nothing that old is exported any more.
  if (opset < 10) return prepared;
  const output = model.outputs.find(({ name }) => name === model.output);
  if (model.layout === "raw" && output?.type === "float32") prepared = addBest(prepared.content, model, opset);
  if (provider === "cpu" && opset >= 13 && isSingle(content))
    prepared = { ...prepared, content: quicken(prepared.content, opset) };
  // Not for halves: a processor then skips their rounding, so that it cannot be shown that the numbers stay the same.
  if (provider !== "cpu" && model.inputType === "float32") prepared = takePixels(prepared.content, prepared.model);
  return prepared;
}

/** Writes otherwise what ONNX Runtime is slow at on a processor; a file without any of it comes back as it is. */
function quicken(content: Uint8Array, opset: number): Uint8Array {
  const [graph = new Uint8Array()] = messages(content, MODEL.graph);
  const nodes = readNodes(graph);
  const found = [spreadSoftmax(nodes, opset, ADDED), divideConvolutions(graph, nodes, ADDED)];
  const replacements = found.filter((each) => each !== undefined);
  return replacements.length === 0 ? content : editGraph(content, () => replaceNodes(graph, nodes, replacements));
}

/** Adds the output `best`: the best score over all classes of each anchor, `[batch, anchors]`. */
function addBest(content: Uint8Array, model: Model, opset: number): { content: Uint8Array; model: Model } {
  const name = (part: string) => `${ADDED}${part}`;
  const best = name("best");
  const constant = (part: string, value: number) =>
    bytesField(GRAPH.initializer, tensor(name(part), [1], BigInt64Array.of(BigInt(value))));
  const maximum =
    opset < 18
      ? node("ReduceMax", [name("scores")], [best], { axes: [1], keepdims: 0 })
      : node("ReduceMax", [name("scores"), name("axis")], [best], { keepdims: 0 });
  const slice = node("Slice", [model.output, name("first"), name("end"), name("axis")], [name("scores")]);
  const added = [
    bytesField(GRAPH.node, slice),
    bytesField(GRAPH.node, maximum),
    constant("first", 4),
    constant("end", 4 + model.names.length),
    constant("axis", 1),
    bytesField(GRAPH.output, valueInfo(best, ELEMENT.float32, [name("batch"), name("anchors")])),
  ];
  return { content: editGraph(content, (graph) => [graph, ...added]), model: { ...model, best } };
}

/** Replaces the input by one of 8-bit RGB pixels, `[batch, height, width, 3]`. */
function takePixels(content: Uint8Array, model: Model): { content: Uint8Array; model: Model } {
  const name = (part: string) => `${ADDED}${part}`;
  const input = name("pixels");
  const { shape } = model.inputs.find((spec) => spec.name === model.input) ?? { shape: [] };
  const [batch, channels, height, width] = shape.map((size, axis) => (size === -1 ? name(`axis${axis}`) : size));
  const nodes = [
    node("Transpose", [input], [name("planes")], { perm: [0, 3, 1, 2] }),
    node("Cast", [name("planes")], [name("numbers")], { to: ELEMENT.float32 }),
    node("Div", [name("numbers"), name("255")], [model.input]),
  ].map((value) => bytesField(GRAPH.node, value));
  const added = [
    bytesField(GRAPH.initializer, tensor(name("255"), [1], Float32Array.of(255))),
    bytesField(
      GRAPH.input,
      valueInfo(
        input,
        ELEMENT.uint8,
        [batch, height, width, channels].map((size) => size ?? ""),
      ),
    ),
  ];
  const isInput = ({ number, value }: Field) =>
    number === GRAPH.input && typeof value !== "number" && text(value, 1) === model.input;
  const edited = editGraph(content, (graph) => {
    const kept = [...fields(graph)].filter((field) => !isInput(field)).map(encode);
    // A graph's nodes are in the order in which they can run.
    return [...nodes, ...kept, ...added];
  });
  return { content: edited, model: { ...model, input, inputType: "uint8" } };
}

/** Whether no weight is a half. */
function isSingle(content: Uint8Array): boolean {
  const weights = messages(content, MODEL.graph).flatMap((graph) => messages(graph, GRAPH.initializer));
  return weights.every((weight) => integer(weight, TENSOR.type) !== ELEMENT.float16);
}

/** Version of the operators that the file is written for; 0 when it names none. */
function opsetOf(content: Uint8Array): number {
  const standard = messages(content, MODEL.opset).find((entry) => (text(entry, 1) ?? "") === "");
  return standard === undefined ? 0 : (integer(standard, 2) ?? 0);
}

/** Replaces the graph of a file. Neither of the two messages has fields of fixed width, which `fields` would lose. */
function editGraph(content: Uint8Array, edit: (graph: Uint8Array) => readonly Encoded[]): Uint8Array {
  const isGraph = ({ number, value }: Field) => number === MODEL.graph && typeof value !== "number";
  return join(
    ...[...fields(content)].map((field) =>
      isGraph(field) ? bytesField(MODEL.graph, join(...edit(field.value as Uint8Array))) : encode(field),
    ),
  );
}

function encode({ number, value }: Field): Encoded {
  return typeof value === "number" ? integerField(number, value) : bytesField(number, value);
}
