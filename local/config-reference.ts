import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STACK_SCHEMAS } from "../stacks/config/index.ts";
import { stackSections } from "../stacks/config/json-schema.ts";
import { pulumiFileSchema } from "../stacks/config/pulumi-file.ts";
import { withReference } from "../stacks/config/reference.ts";
import { runMain } from "./errors.ts";
import { ROOT } from "./paths.ts";

const PROJECT = "yolo";

/** What is generated from the schemas of the configuration, by path. */
export async function configReference(): Promise<Record<string, string>> {
  const sections = stackSections(STACK_SCHEMAS);
  const document = await readFile(join(ROOT, "docs/config.md"), "utf8");
  return {
    "docs/config.md": withReference(document, PROJECT, sections),
    "stacks/config/pulumi-config.schema.json": `${JSON.stringify(pulumiFileSchema(PROJECT, sections), null, 2)}\n`,
  };
}

if (import.meta.main) {
  await runMain(async () => {
    for (const [path, text] of Object.entries(await configReference())) {
      await writeFile(join(ROOT, path), text);
      console.log(`Wrote ${path}`);
    }
  });
}
