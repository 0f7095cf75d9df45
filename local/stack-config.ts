import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "./errors.ts";
import { ROOT } from "./paths.ts";

/** Name of the Pulumi stack that runs on the embedded cluster. */
export const STACK = "local";

/** What the local commands themselves read of a stack's configuration; the program checks all of it (stacks/config/). */
const committedSchema = z.looseObject({
  "yolo:cluster": z.looseObject({}).optional(),
  "yolo:modelStore": z.looseObject({ volume: z.looseObject({ type: z.string().optional() }).optional() }).optional(),
  "yolo:detector": z
    .looseObject({
      namespace: z.string().optional(),
      serving: z.looseObject({ bodyLimitMib: z.number().optional(), pixelLimitMega: z.number().optional() }).optional(),
    })
    .optional(),
});

/** The sections of the committed Pulumi.local.yaml. */
export type CommittedConfig = z.infer<typeof committedSchema>;

/** Reads a YAML file whose content is a map. Throws a UserError when it is none. */
export async function readYaml(path: string): Promise<Record<string, unknown>> {
  const content = await readFile(path, "utf8");
  try {
    return z.looseObject({}).parse(parse(content) ?? {});
  } catch (error) {
    throw new UserError(`Expected a YAML map in ${path}, but: ${(error as Error).message}`);
  }
}

/** Reads the committed configuration of the local stack. Throws a UserError when its sections are no maps. */
export async function readCommittedConfig(): Promise<CommittedConfig> {
  const path = join(ROOT, `Pulumi.${STACK}.yaml`);
  const { config } = await readYaml(path);
  const result = committedSchema.safeParse(config ?? {});
  if (result.success) return result.data;
  throw new UserError(`Expected a map for each section of ${basename(path)}:\n${z.prettifyError(result.error)}`);
}
