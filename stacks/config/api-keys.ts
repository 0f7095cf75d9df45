import { z } from "zod";
import { API_KEY_LINE, MOST_API_KEY_BYTES, MOST_API_KEYS } from "../../service/contract.ts";

/** What is printed in place of a value that nobody may see. */
const HIDDEN = { received: "[secret]" };

/** The text with the API keys of the service, checked as the service does it; no problem repeats what stands in it. */
export const apiKeysSchema = z.string({ error: "lines NAME:HEX" }).superRefine((text, context) => {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const given = lines.filter(({ line }) => line !== "" && !line.startsWith("#"));
  const seen = new Set<string>();
  const report = (message: string) => context.addIssue({ code: "custom", message, params: HIDDEN });
  if (given.length === 0) report("at least one line NAME:HEX");
  if (given.length > MOST_API_KEYS) report(`at most ${MOST_API_KEYS} lines NAME:HEX, not ${given.length},`);
  if (Buffer.byteLength(text) > MOST_API_KEY_BYTES) report(`at most ${MOST_API_KEY_BYTES} bytes`);
  for (const { line, number } of given) {
    const { name, digest } = API_KEY_LINE.exec(line)?.groups ?? {};
    if (name === undefined || digest === undefined)
      report(`NAME:HEX, a name and the SHA-256 of its key, in line ${number}`);
    else if (seen.has(name) || seen.has(digest))
      report(`another name and another key than in a line before, in line ${number}`);
    for (const value of [name, digest]) if (value !== undefined) seen.add(value);
  }
});
