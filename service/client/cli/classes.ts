import type { YoloClient } from "../index.ts";
import type { DetectCommand } from "./arguments.ts";
import { printable } from "./report.ts";
import { UsageError } from "./usage.ts";

/**
 * The indices of classes that are given by name or index; the service is asked for its names only where there is a name.
 * @throws UsageError when the model has no such class
 */
export async function resolveClasses(
  client: YoloClient,
  { classes, options: { model: wanted } }: Pick<DetectCommand, "classes" | "options">,
  signal: AbortSignal,
): Promise<number[]> {
  const isIndex = (text: string) => /^\d{1,6}$/.test(text);
  if (classes.every(isIndex)) return classes.map(Number);
  const { models } = await client.info({ signal });
  const model = wanted === undefined ? models[0] : models.find(({ name }) => name === wanted);
  if (model === undefined) {
    const names = models.map(({ name }) => printable(name)).join(", ");
    throw new UsageError(`Expected one of ${names} for --model but received ${JSON.stringify(wanted)}.`);
  }
  return classes.map((text) => {
    // A name that looks like an index is one all the same, where the model has it.
    const index = model.names.findIndex((name) => name.toLowerCase() === text.toLowerCase());
    if (index >= 0) return index;
    if (isIndex(text)) return Number(text);
    throw new UsageError(
      `Expected names of ${printable(model.name)} for --classes but received ${JSON.stringify(text)}. ` +
        `It knows ${printable(model.names.join(", "))}.`,
    );
  });
}
