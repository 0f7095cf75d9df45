import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { stringify } from "yaml";
import { ROOT } from "../../local/paths.ts";
import type { EngineEvent } from "../../local/plan-run.ts";

/** What the engine writes for a value that is known after a resource is made: pulumi/sdk/go/common/resource/plugin/rpc.go. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The key that marks a secret on the wire: pulumi/sdk/go/common/resource/sig/sig.go. */
const SECRET = "4dabf18193072939515e22adb298388d";

/** As `pulumi new aws-typescript` writes it: https://github.com/pulumi/templates/tree/master/aws-typescript */
const TSCONFIG = {
  compilerOptions: {
    strict: true,
    outDir: "bin",
    target: "es2020",
    module: "nodenext",
    moduleResolution: "nodenext",
    sourceMap: true,
    experimentalDecorators: true,
    pretty: true,
    noFallthroughCasesInSwitch: true,
    noImplicitReturns: true,
    forceConsistentCasingInFileNames: true,
    types: ["node"],
  },
  files: ["index.ts"],
};

/** Writes a project whose only file makes the resources of a run, as somebody who does not know our program would write it. */
export async function writePlainProject(folder: string, events: readonly EngineEvent[]): Promise<void> {
  await mkdir(folder);
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "plain", main: "index.ts" }));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
  // With its defaults Pulumi's Node runtime loads ts-node, which checks types.
  await writeFile(join(folder, "Pulumi.yaml"), stringify({ name: "plain", runtime: "nodejs" }));
  await writeFile(join(folder, "Pulumi.dev.yaml"), stringify({ config: { "aws:region": "us-west-2" } }));
  await writeFile(join(folder, "index.ts"), plainProgram(events));
}

/** A program of one statement for each resource that a provider makes; components, and charts in a plan without a cluster, make none. */
export function plainProgram(events: readonly EngineEvent[]): string {
  const resources = events.flatMap(({ resourcePreEvent: event }) => {
    const state = event?.metadata.new;
    const isMade = state?.custom === true && !state.type.startsWith("pulumi:");
    return isMade ? [{ type: state.type, inputs: state.inputs ?? {} }] : [];
  });
  // The first one makes what others wait for.
  resources.sort((a, b) => Number(b.type === "aws:ec2/vpc:Vpc") - Number(a.type === "aws:ec2/vpc:Vpc"));
  const statements = resources.map(({ type, inputs }, n) => {
    const args = JSON.stringify(inputs, clean, 2).replaceAll(`"${UNKNOWN}"`, "later");
    const options = type.startsWith("kubernetes:") ? ", { provider }" : "";
    return `const r${n} = new ${classOf(type)}("r${n}", ${args}${options});`;
  });
  return `import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

${statements[0]}
const later: pulumi.Output<any> = r0.id;
const provider = new k8s.Provider("cluster", { kubeconfig: later });
${statements.slice(1).join("\n")}
`;
}

/** Leaves out what the engine and the provider added, and takes secrets for what is not known yet. */
function clean(key: string, value: unknown): unknown {
  if (key === "__defaults" || key === "tagsAll") return undefined;
  return typeof value === "object" && value !== null && SECRET in value ? UNKNOWN : value;
}

/** `aws.ec2.Vpc` for aws:ec2/vpc:Vpc; `k8s.core.v1.Secret` for kubernetes:core/v1:Secret. */
function classOf(type: string): string {
  const [provider = "", module = "", name = ""] = type.split(":");
  if (provider === "aws") return `aws.${module.split("/")[0]}.${name}`;
  const [group = "", version = ""] = module.split("/");
  const path = [group.split(".")[0] ?? "", version, name];
  let found: unknown = k8s;
  for (const part of path) found = (found as Record<string, unknown> | undefined)?.[part];
  // Inputs of a kind that the SDK does not know say what it is.
  return found === undefined ? "k8s.apiextensions.CustomResource" : `k8s.${path.join(".")}`;
}
