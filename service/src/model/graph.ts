import { fields, integer, messages, text } from "./protobuf.ts";
import { bytesField, type Encoded, integerField } from "./protobuf-writer.ts";

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that are read here. */
export const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const;
/** The same of a TensorProto. */
export const TENSOR = { dimension: 1, type: 2, name: 8, raw: 9 } as const;
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, integer: 3, integers: 8 } as const;

/** A node of a graph. */
export interface GraphNode {
  operator: string;
  /** Names of values; empty for one that is left out. */
  inputs: string[];
  outputs: string[];
  /** AttributeProtos by name. */
  attributes: ReadonlyMap<string, Uint8Array>;
}

/** Reads the nodes of a GraphProto, in their order. */
export function readNodes(graph: Uint8Array): GraphNode[] {
  const names = (node: Uint8Array, field: number) =>
    messages(node, field).map((name) => new TextDecoder().decode(name));
  return messages(graph, GRAPH.node).map((node) => ({
    operator: text(node, NODE.operator) ?? "",
    inputs: names(node, NODE.input),
    outputs: names(node, NODE.output),
    attributes: new Map(messages(node, NODE.attribute).map((each) => [text(each, ATTRIBUTE.name) ?? "", each])),
  }));
}

/** The whole number of an attribute; undefined when it is missing. */
export function integerOf({ attributes }: GraphNode, name: string): number | undefined {
  const attribute = attributes.get(name);
  return attribute && integer(attribute, ATTRIBUTE.integer);
}

/** The whole numbers of an attribute; none when it is missing. */
export function integersOf({ attributes }: GraphNode, name: string): number[] {
  const found = [...fields(attributes.get(name) ?? new Uint8Array())].filter(
    ({ number }) => number === ATTRIBUTE.integers,
  );
  return found.flatMap(({ value }) => (typeof value === "number" ? [value] : []));
}

/** Nodes that come in the place of others, and what they need. */
export interface Replacement {
  /** NodeProtos by the node in whose place they come. */
  nodes: ReadonlyMap<GraphNode, readonly Encoded[]>;
  /** TensorProtos. */
  weights: readonly Encoded[];
}

/**
 * Puts other nodes in the place of some, and adds weights.
 * @param nodes what `readNodes` read of this graph
 * @returns the fields of the edited graph
 */
export function replaceNodes(
  graph: Uint8Array,
  nodes: readonly GraphNode[],
  replacements: readonly Replacement[],
): Encoded[] {
  const replaced = new Map(replacements.flatMap((each) => [...each.nodes]));
  const left = nodes.values();
  const edited = [...fields(graph)].flatMap(({ number, value }): Encoded[] => {
    if (typeof value === "number") return [integerField(number, value)];
    const node = number === GRAPH.node ? left.next().value : undefined;
    const others = node && replaced.get(node);
    return others?.map((each) => bytesField(GRAPH.node, each)) ?? [bytesField(number, value)];
  });
  const weights = replacements.flatMap((each) => each.weights);
  return [...edited, ...weights.map((each) => bytesField(GRAPH.initializer, each))];
}
