import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { ApiClient } from "../../local/cluster/api.ts";
import { CACHE_DIR } from "../../local/paths.ts";
import { findOrMake } from "../../local/toolchain/make-folder.ts";
import { PINS } from "../../local/toolchain/pins.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

/** Part of a schema of OpenAPI, or of JSON. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  "x-kubernetes-group-version-kind"?: GroupVersionKind[];
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  [keyword: string]: unknown;
}

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** Changes with what is written, so that nobody finds an older form. */
const FORM = 1;

const PREFIX = "#/definitions/";

/** Numbers with a unit, which OpenAPI calls text. */
const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/** Where kubeconform finds the schema of an object below a folder of these. */
export function schemaLocation(folder: string): string {
  return join(folder, "{{ .ResourceKind }}{{ .KindSuffix }}.json");
}

/** Folder with the strict schema of each kind of the pinned Kubernetes, as its own API server tells them. */
export async function kubernetesSchemas(): Promise<string> {
  const version = PINS.find(({ id }) => id === "kubernetes")?.version ?? "";
  const folder = join(CACHE_DIR, "schemas", `kubernetes-${version}-${FORM}`);
  return findOrMake({
    folder,
    find: async () => (existsSync(folder) ? folder : undefined),
    fill: async (into) => {
      await using cluster = await SimulatedCluster.start();
      using api = await ApiClient.fromFile(cluster.kubeconfig);
      const openApi = await api.get<{ definitions: Record<string, Schema> }>("/openapi/v2", { timeoutMs: 30_000 });
      await writeSchemas(openApi.definitions, into);
    },
    signal: new AbortController().signal,
    progress: () => {},
  });
}

/** Writes the strict schema of each version in a CustomResourceDefinition. */
export async function writeDefinitionSchemas(definition: string, folder: string): Promise<void> {
  const { spec } = parse(definition) as {
    spec: {
      group: string;
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
    };
  };
  for (const { name: version, schema } of spec.versions) {
    const object = strict(schema.openAPIV3Schema);
    const metadata = { type: "object" };
    const properties = { ...object.properties, metadata };
    const file = fileName({ group: spec.group, version, kind: spec.names.kind });
    await writeFile(join(folder, file), JSON.stringify({ ...object, properties }));
  }
}

async function writeSchemas(definitions: Record<string, Schema>, folder: string): Promise<void> {
  const all = Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [
      name,
      name === QUANTITY ? { type: ["string", "number"] } : strict(schema),
    ]),
  );
  for (const [name, { "x-kubernetes-group-version-kind": kinds = [] }] of Object.entries(definitions)) {
    // What many kinds share, such as DeleteOptions, is no object of its own.
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) continue;
    const used = reachable(name, all);
    await writeFile(join(folder, fileName(kind)), JSON.stringify({ $ref: `${PREFIX}${name}`, definitions: used }));
  }
}

/** As kubeconform spells it: `deployment-apps-v1.json`, `ingress-networking-v1.json`, `service-v1.json`. */
function fileName({ group, version, kind }: GroupVersionKind): string {
  return `${[kind, ...(group === "" ? [] : [group.split(".")[0]]), version].join("-").toLowerCase()}.json`;
}

/** The schema with fields that it does not name refused. */
function strict(schema: Schema): Schema {
  if (schema["x-kubernetes-int-or-string"] || schema.format === "int-or-string") return { type: ["string", "integer"] };
  const { properties, items, additionalProperties, ...rest } = schema;
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return {
    ...rest,
    ...(items !== undefined && { items: strict(items) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: strict(additionalProperties) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, strict(value)])),
      ...(additionalProperties === undefined && !open && { additionalProperties: false }),
    }),
  };
}

/** A definition and all that it refers to. */
function reachable(name: string, definitions: Record<string, Schema>): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const schema = definitions[next];
    if (schema === undefined || found[next] !== undefined) continue;
    found[next] = schema;
    for (const [, reference = ""] of JSON.stringify(schema).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) {
      waiting.push(reference);
    }
  }
  return found;
}
