import { GRAPH, type GraphNode, integerOf, type Replacement, TENSOR } from "./graph.ts";
import { ELEMENT, node, tensor } from "./onnx-writer.ts";
import { fields, integer, messages, text } from "./protobuf.ts";
import type { Encoded } from "./protobuf-writer.ts";

/** Field number of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */
const VALUE_NAME = 1;

/** ONNX Runtime convolves in blocks of 8 or 16 channels, as a processor has it; parts must keep whole ones. */
const BLOCK = 16;

/** A weight, row by row. */
interface Weight {
  shape: number[];
  data: Float32Array;
}

/** A convolution and its activation `x * sigmoid(x)`, whose channels are then split. */
interface Found {
  convolution: GraphNode;
  activation: readonly GraphNode[];
  split: GraphNode;
  /** Channels of each part. */
  size: number;
  weights: Weight[];
}

/**
 * Computes the parts of what is split by a convolution each, in place of one for all. ONNX Runtime cannot split the layout in
 * which it convolves: it takes everything out of it and back, 4 % of the smallest YOLO's time on a processor. Each number
 * is the same sum as before; its last bits may differ.
 * @param graph a GraphProto that computes in single precision
 * @param nodes what `readNodes` read of it
 * @param prefix begins the names of what is added
 * @returns undefined when nothing in it is split so
 */
export function divideConvolutions(
  graph: Uint8Array,
  nodes: readonly GraphNode[],
  prefix: string,
): Replacement | undefined {
  const found = find(graph, nodes);
  if (found.length === 0) return undefined;
  const replaced = new Map<GraphNode, Encoded[]>();
  const added: Encoded[] = [];
  for (const [i, each] of found.entries()) {
    const parts = each.split.outputs.map((output, part) => convolve(each, part, output, `${prefix}part ${i}.${part} `));
    for (const gone of [each.convolution, ...each.activation]) replaced.set(gone, []);
    replaced.set(
      each.split,
      parts.flatMap((part) => part.nodes),
    );
    added.push(...parts.flatMap((part) => part.weights));
  }
  return { nodes: replaced, weights: added };
}

/** One part: some of the channels, with their activation. */
function convolve({ convolution, size, weights }: Found, part: number, output: string, name: string) {
  const [input = ""] = convolution.inputs;
  const names = weights.map((_, i) => `${name}weight ${i}`);
  const [sums, sigmoid] = [`${name}sums`, `${name}sigmoid`];
  return {
    nodes: [
      node("Conv", [input, ...names], [sums], Object.fromEntries(convolution.attributes)),
      node("Sigmoid", [sums], [sigmoid]),
      node("Mul", [sums, sigmoid], [output]),
    ],
    weights: weights.map(({ shape: [channels = 1, ...rest], data }, i) => {
      const each = data.length / channels;
      return tensor(names[i] ?? "", [size, ...rest], data.slice(part * size * each, (part + 1) * size * each));
    }),
  };
}

function find(graph: Uint8Array, nodes: readonly GraphNode[]): Found[] {
  const producers = new Map(nodes.flatMap((each) => each.outputs.map((output) => [output, each] as const)));
  const results = messages(graph, GRAPH.output).map((each) => text(each, VALUE_NAME) ?? "");
  const uses = Map.groupBy([...nodes.flatMap(({ inputs }) => inputs), ...results], (name) => name);
  const usesOf = ({ outputs: [output = ""] }: GraphNode) => uses.get(output)?.length;
  const tensors = new Map(messages(graph, GRAPH.initializer).map((each) => [text(each, TENSOR.name) ?? "", each]));
  return nodes.flatMap((split): Found[] => {
    if (split.operator !== "Split" || integerOf(split, "axis") !== 1) return [];
    const product = producers.get(split.inputs[0] ?? "");
    const [convolution, sigmoid] = product?.inputs.map((name) => producers.get(name)) ?? [];
    const isActivation = product?.operator === "Mul" && sigmoid?.operator === "Sigmoid";
    if (!isActivation || convolution?.operator !== "Conv" || sigmoid.inputs[0] !== convolution.outputs[0]) return [];
    if (usesOf(product) !== 1 || usesOf(sigmoid) !== 1 || usesOf(convolution) !== 2) return [];
    const weights = convolution.inputs.slice(1).map((name) => readWeight(tensors.get(name)));
    const size = partSize(split, weights[0]?.shape[0] ?? 0, tensors);
    if ((integerOf(convolution, "group") ?? 1) !== 1 || size === undefined || !isWhole(weights)) return [];
    return [{ convolution, activation: [sigmoid, product], split, size, weights }];
  });
}

const isWhole = (weights: readonly (Weight | undefined)[]): weights is Weight[] => !weights.includes(undefined);

/** Channels of each part, where all parts have as many, and a whole number of blocks. */
function partSize(
  { inputs, outputs }: GraphNode,
  channels: number,
  tensors: ReadonlyMap<string, Uint8Array>,
): number | undefined {
  const size = channels / outputs.length;
  if (size < BLOCK || size % BLOCK !== 0) return undefined;
  if (inputs[1] === undefined) return size;
  const raw = messages(tensors.get(inputs[1]) ?? new Uint8Array(), TENSOR.raw)[0];
  const sizes = new BigInt64Array(new Uint8Array(raw ?? []).buffer);
  return sizes.length === outputs.length && sizes.every((each) => each === BigInt(size)) ? size : undefined;
}

/** A weight whose bytes are in the file; undefined for others. */
function readWeight(proto: Uint8Array | undefined): Weight | undefined {
  if (proto === undefined || integer(proto, TENSOR.type) !== ELEMENT.float32) return undefined;
  const shape = [...fields(proto)].flatMap(({ number, value }) =>
    number === TENSOR.dimension && typeof value === "number" ? [value] : [],
  );
  const [raw] = messages(proto, TENSOR.raw);
  const count = shape.reduce((product, length) => product * length, 1);
  // A copy: views need an offset that is a multiple of four.
  return raw?.length === 4 * count ? { shape, data: new Float32Array(new Uint8Array(raw).buffer) } : undefined;
}
