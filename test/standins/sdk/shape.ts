/** The kind of a value, as an SDK declares it. */
export type Shape =
  | { kind: "any" | "string" | "number" | "boolean" }
  /** A policy document: text, or an object of this type that the provider makes text of. */
  | { kind: "json"; type?: string }
  | { kind: "literal"; value: string | number | boolean }
  | { kind: "list" | "map"; of: Shape }
  /** An object whose properties stand in `types` under this name. */
  | { kind: "object"; type: string }
  | { kind: "union"; of: readonly Shape[] };

/** A property of an object. */
export interface Property {
  shape: Shape;
  required: boolean;
  /** Whether its documentation says that a change of it makes a new resource. */
  replaces?: true;
}

/** Properties of an object, by name. */
export type Shapes = Readonly<Record<string, Property>>;

/** What a resource or a function of an SDK takes. */
export interface Inputs {
  inputs: Shapes;
  /** Properties of every object that the inputs can hold, by the name of its type. */
  types: Readonly<Record<string, Shapes>>;
}

/** What a resource of an SDK takes and gives. */
export interface ResourceShape extends Inputs {
  /** Names of its outputs. */
  outputs: readonly string[];
}
