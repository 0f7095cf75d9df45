import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { ROOT } from "../paths.ts";
import { readYaml, STACK } from "../stack-config.ts";

/** A stack whose cluster is on Amazon EKS, and where that is. */
export interface Target {
  /** Name of the stack as Pulumi is told it. */
  stack: string;
  /** Path of its configuration. */
  configFile: string;
  /** Name of the cluster: that of stacks/eks/site.ts. */
  clusterName: string;
  region: string;
  /** Profile of AWS's configuration that the stack names. */
  profile: string | undefined;
  /** Tags that the provider gives to everything it makes. */
  tags: Readonly<Record<string, string>>;
}

const configSchema = z.looseObject({
  "yolo:cluster": z.looseObject({ target: z.string().optional() }).optional(),
  "aws:region": z.string().optional(),
  "aws:profile": z.string().optional(),
  "aws:defaultTags": z.looseObject({ tags: z.record(z.string(), z.string()).optional() }).optional(),
});

/** Reads where a stack is. Throws a UserError when it has no configuration, no cluster of its own on EKS, or no region. */
export async function readTarget(stack: string, file?: string): Promise<Target> {
  // An organisation and a project may stand before the name.
  const name = stack.split("/").at(-1) ?? "";
  const configFile = file ?? join(ROOT, `Pulumi.${name}.yaml`);
  if (!existsSync(configFile)) {
    throw new UserError(`Expected a stack but received "${stack}": there is no ${configFile}.`);
  }
  const { config = {} } = await readYaml(configFile);
  const parsed = configSchema.safeParse(config);
  if (!parsed.success) {
    throw new UserError(`Expected a stack's configuration in ${configFile}:\n${z.prettifyError(parsed.error)}`);
  }
  const cluster = parsed.data["yolo:cluster"]?.target;
  if (cluster !== "eks") throw new UserError(otherTarget(name, cluster, configFile));
  const region = parsed.data["aws:region"] ?? (process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION);
  if (!region) {
    throw new UserError(
      `Expected a region for aws:region in ${basename(configFile)} but received nothing. ` +
        `Set it (\`pulumi config set aws:region us-west-2 --stack ${stack}\`), or AWS_REGION.`,
    );
  }
  const { name: project } = await readYaml(join(ROOT, "Pulumi.yaml"));
  return {
    stack,
    configFile,
    clusterName: `${project}-${name}`,
    region,
    profile: parsed.data["aws:profile"],
    tags: parsed.data["aws:defaultTags"]?.tags ?? {},
  };
}

function otherTarget(name: string, target: string | undefined, configFile: string): string {
  const what = `Expected eks for yolo:cluster.target in ${basename(configFile)} but received ${target ?? "nothing"}: `;
  return name === STACK
    ? `${what}the cluster of this stack is on this machine. \`npm stop\` removes it.`
    : `${what}this stack did not make its cluster. \`pulumi destroy --stack ${name}\` removes what it has there.`;
}
