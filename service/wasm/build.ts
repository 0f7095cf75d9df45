import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Where the compiled letterbox lies; it is checked in, so that the service needs no compiler. */
export const LETTERBOX_WASM = join(import.meta.dirname, "../src/vision/letterbox.wasm");

const OPTIONS = ["--optimizeLevel", "3", "--converge", "--runtime", "stub", "--noAssert", "--enable", "simd"];

/**
 * Compiles `letterbox.ts` of this folder; a version of the compiler gives the same bytes each time.
 * @throws Error with the compiler's messages
 */
export async function compileLetterbox(): Promise<Uint8Array> {
  // As a program, because the types of its library redeclare those of Node.
  const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
  const folder = await mkdtemp(join(tmpdir(), "yolo-wasm-"));
  try {
    const file = join(folder, "letterbox.wasm");
    const args = [compiler, "letterbox.ts", "--baseDir", import.meta.dirname, "--outFile", file, ...OPTIONS];
    await promisify(execFile)(process.execPath, args);
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.main) await writeFile(LETTERBOX_WASM, await compileLetterbox());
