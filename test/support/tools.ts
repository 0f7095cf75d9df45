import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { getTool } from "../../local/toolchain/cache.ts";
import { goEnvironment, MODULES_DIR, requireGo } from "../../local/toolchain/go.ts";
import { TEST_PINS, type TestTool } from "../../local/toolchain/test-pins.ts";

const signal = new AbortController().signal;

/** Path of a tool that only tests use, which is built where it is missing. */
export async function testTool(name: TestTool): Promise<string> {
  const { files } = await getTool(TEST_PINS[name], { signal });
  const file = files[name];
  if (file === undefined) throw new Error(`Expected an executable ${name} but received ${Object.keys(files)}`);
  return file;
}

/** Folder with the source of the Go module that a tool is built from. */
export async function toolSource(name: TestTool, module: string): Promise<string> {
  const go = await requireGo(TEST_PINS[name], signal);
  const options = { cwd: join(MODULES_DIR, name), env: goEnvironment() };
  await execa(go, ["mod", "download", module], options);
  return (await execa(go, ["list", "-m", "-f", "{{.Dir}}", module], options)).stdout;
}

/** A Go module of which tests read files and build nothing. */
export interface SourcePin {
  module: string;
  version: string;
  /** Go's checksum of its content. */
  sum: string;
}

/** Folder with the files of a Go module. Throws when its content is not the pinned one. */
export async function moduleSource({ module, version, sum }: SourcePin): Promise<string> {
  const go = await requireGo(TEST_PINS.kwok, signal);
  const { stdout } = await execa(go, ["mod", "download", "-json", `${module}@${version}`], {
    cwd: tmpdir(),
    env: goEnvironment(),
  });
  const found = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (found.Sum !== sum) throw new Error(`Expected ${sum} for ${module} ${version} but received ${found.Sum}`);
  return found.Dir;
}
