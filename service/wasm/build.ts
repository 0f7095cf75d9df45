import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "assemblyscript/asc";

/** Where the compiled letterbox lies; it is checked in, so that the service needs no compiler. */
export const LETTERBOX_WASM = join(import.meta.dirname, "../src/vision/letterbox.wasm");

const OPTIONS = ["--optimizeLevel", "3", "--converge", "--runtime", "stub", "--noAssert", "--enable", "simd"];

/**
 * Compiles `letterbox.ts` of this folder; a version of the compiler gives the same bytes each time.
 * @throws Error with the compiler's messages
 */
export async function compileLetterbox(): Promise<Uint8Array> {
  let compiled: Uint8Array | undefined;
  const args = ["letterbox.ts", "--baseDir", import.meta.dirname, "--outFile", "letterbox.wasm", ...OPTIONS];
  const { error, stderr } = await main(args, {
    writeFile: (_name, content) => {
      if (typeof content !== "string") compiled = content;
    },
  });
  if (error !== null || compiled === undefined) throw new Error(`Expected letterbox.ts to compile but: ${stderr}`);
  return compiled;
}

if (import.meta.main) writeFileSync(LETTERBOX_WASM, await compileLetterbox());
