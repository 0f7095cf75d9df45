import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { Inputs, Property, ResourceShape, Shape, Shapes } from "./shape.ts";

/** What documentation says of a property whose change makes a new resource. */
const REPLACES =
  /forces? (a )?(new resource|replacement|new)\b|forces? (the )?(re-?creation|creation)|new resource to be created/i;

/** Types of this name go over the wire as JSON. */
const POLICY_DOCUMENT = "PolicyDocument";

type Interfaces = ReadonlyMap<string, ts.InterfaceDeclaration>;

/** Reads what resources and functions take from the declaration files of an installed Pulumi SDK. */
export class SdkReader {
  readonly #directory: string;
  #nested: Interfaces | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What the resource of a token such as `aws:eks/cluster:Cluster` takes and gives; undefined when the SDK has none. */
  resource(token: string): ResourceShape | undefined {
    const [, module = "", name = ""] = token.split(":");
    const declared = this.#declarations(module);
    const args = declared?.interfaces.get(`${name}Args`);
    const outputs = declared?.classes.get(name);
    if (args === undefined || outputs === undefined) return undefined;
    return { ...this.#inputs(args), outputs: outputNames(outputs) };
  }

  /** What the function of a token such as `aws:index/getRegion:getRegion` takes; undefined when the SDK has none. */
  function(token: string): Inputs | undefined {
    const [, module = "", name = ""] = token.split(":");
    const declared = this.#declarations(module.replace(/^index\//, ""));
    if (declared === undefined) return undefined;
    const args = declared.interfaces.get(`${name.slice(0, 1).toUpperCase()}${name.slice(1)}Args`);
    return args === undefined ? { inputs: {}, types: {} } : this.#inputs(args);
  }

  #declarations(module: string) {
    const file = join(this.#directory, `${module}.d.ts`);
    if (!existsSync(file)) return undefined;
    const statements = parse(file).statements;
    const interfaces = new Map(statements.filter(ts.isInterfaceDeclaration).map((each) => [each.name.text, each]));
    const classes = new Map(statements.filter(ts.isClassDeclaration).map((each) => [each.name?.text ?? "", each]));
    return { interfaces, classes };
  }

  #inputs(args: ts.InterfaceDeclaration): Inputs {
    const types: Record<string, Shapes> = {};
    const waiting = new Set<string>();
    const inputs = properties(args, waiting);
    // A set gives what is added to it while it is gone through.
    for (const name of waiting) {
      const declared = this.#nestedTypes().get(name);
      if (declared !== undefined) types[name] = properties(declared, waiting);
    }
    return { inputs, types };
  }

  #nestedTypes(): Interfaces {
    this.#nested ??= new Map(nestedInterfaces(parse(join(this.#directory, "types", "input.d.ts")).statements, ""));
    return this.#nested;
  }
}

function parse(file: string): ts.SourceFile {
  const options = { languageVersion: ts.ScriptTarget.Latest, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };
  return ts.createSourceFile(file, readFileSync(file, "utf8"), options, true);
}

function* nestedInterfaces(
  statements: Iterable<ts.Statement>,
  prefix: string,
): Generator<[string, ts.InterfaceDeclaration]> {
  for (const statement of statements) {
    if (ts.isInterfaceDeclaration(statement)) yield [`${prefix}${statement.name.text}`, statement];
    if (ts.isModuleDeclaration(statement) && statement.body !== undefined && ts.isModuleBlock(statement.body)) {
      yield* nestedInterfaces(statement.body.statements, `${prefix}${statement.name.text}.`);
    }
  }
}

function outputNames(declared: ts.ClassDeclaration): string[] {
  return declared.members
    .filter(ts.isPropertyDeclaration)
    .filter((member) => !member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword))
    .map((member) => propertyName(member.name));
}

function properties(declared: ts.InterfaceDeclaration, waiting: Set<string>): Shapes {
  const source = declared.getSourceFile();
  const entries = declared.members.filter(ts.isPropertySignature).map((member): [string, Property] => {
    const comment = source.text.slice(member.getFullStart(), member.getStart(source));
    return [
      propertyName(member.name),
      {
        shape: member.type === undefined ? { kind: "any" } : shapeOf(member.type, waiting),
        required: member.questionToken === undefined,
        ...(REPLACES.test(comment) && { replaces: true as const }),
      },
    ];
  });
  return Object.fromEntries(entries);
}

function propertyName(name: ts.PropertyName): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : "";
}

function shapeOf(node: ts.TypeNode, waiting: Set<string>): Shape {
  switch (node.kind) {
    case ts.SyntaxKind.StringKeyword:
      return { kind: "string" };
    case ts.SyntaxKind.NumberKeyword:
      return { kind: "number" };
    case ts.SyntaxKind.BooleanKeyword:
      return { kind: "boolean" };
  }
  if (ts.isParenthesizedTypeNode(node)) return shapeOf(node.type, waiting);
  if (ts.isArrayTypeNode(node)) return { kind: "list", of: shapeOf(node.elementType, waiting) };
  if (ts.isUnionTypeNode(node)) return unionOf(node.types.filter(isPresent).map((each) => shapeOf(each, waiting)));
  if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) {
    return { kind: "literal", value: node.literal.text };
  }
  if (ts.isTypeLiteralNode(node)) {
    const index = node.members.find(ts.isIndexSignatureDeclaration);
    return index === undefined ? { kind: "any" } : { kind: "map", of: shapeOf(index.type, waiting) };
  }
  if (ts.isTypeReferenceNode(node)) return referenceShape(node, waiting);
  return { kind: "any" };
}

function isPresent(node: ts.TypeNode): boolean {
  return node.kind !== ts.SyntaxKind.UndefinedKeyword;
}

function unionOf(shapes: readonly Shape[]): Shape {
  const json = shapes.find(({ kind }) => kind === "json" || kind === "any");
  const distinct = [...new Map(shapes.map((shape) => [JSON.stringify(shape), shape])).values()];
  const [only] = distinct;
  return json ?? (only !== undefined && distinct.length === 1 ? only : { kind: "union", of: distinct });
}

function referenceShape(node: ts.TypeReferenceNode, waiting: Set<string>): Shape {
  const name = entityName(node.typeName);
  const [argument] = node.typeArguments ?? [];
  if (argument !== undefined) {
    if (name === "Array") return { kind: "list", of: shapeOf(argument, waiting) };
    return name === "Record" ? { kind: "any" } : shapeOf(argument, waiting);
  }
  if (name.startsWith("inputs.")) {
    const type = name.slice("inputs.".length);
    waiting.add(type);
    return { kind: type.endsWith(POLICY_DOCUMENT) ? "json" : "object", type };
  }
  if (name.endsWith(POLICY_DOCUMENT)) return { kind: "json" };
  // Assets; everything else is an enumeration, an alias of text (ARN), or a resource, which goes by its id.
  return { kind: name.startsWith("pulumi.") || name.includes(".types.") ? "any" : "string" };
}

function entityName(name: ts.EntityName): string {
  return ts.isIdentifier(name) ? name.text : `${entityName(name.left)}.${name.right.text}`;
}
