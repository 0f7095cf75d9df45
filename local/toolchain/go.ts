import { readFile } from "node:fs/promises";
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { CACHE_DIR, ROOT } from "../paths.ts";
import type { Pin } from "./pins.ts";

/** The wrapper modules: their go.mod and go.sum pin every Go module that is linked into a tool. */
export const MODULES_DIR = join(ROOT, "local", "toolchain", "modules");

/** Go's module and build caches: its own means to go on where an interrupted build stopped. */
export const GO_DIR = join(CACHE_DIR, "go");

/** Where `go` is looked for: on PATH, then where Go's own instructions put it, which sudo's PATH lacks. */
const GO_COMMANDS = ["go", "/usr/local/go/bin/go"];

/** The `go` command that can build a pin's wrapper module. Throws a UserError when there is none, or only an older one. */
export async function requireGo(
  pin: Pin,
  signal: AbortSignal,
  commands: readonly string[] = GO_COMMANDS,
): Promise<string> {
  const needed = /^go (\S+)$/m.exec(await readFile(join(MODULES_DIR, pin.id, "go.mod"), "utf8"))?.[1] ?? "1.26.0";
  const found: string[] = [];
  for (const go of commands) {
    const run = await execa(go, ["env", "GOVERSION"], { env: goEnvironment(), reject: false, cancelSignal: signal });
    signal.throwIfAborted();
    if (run.failed) continue;
    if (isAtLeast(run.stdout.replace(/^go/, ""), needed)) return go;
    found.push(`${go} is ${run.stdout}`);
  }
  const releases =
    pin.releases === undefined
      ? "no official release of it is pinned"
      : "the host of its official release does not answer";
  throw new UserError(
    `Expected Go ${needed} or newer to build ${pin.title} ${pin.version} (${releases}), ` +
      `but ${found.length === 0 ? "there is no go command on PATH" : found.join(" and ")}.\n` +
      `Install Go ${needed} or newer from https://go.dev/dl/ (it unpacks to /usr/local/go), and run the same command again.`,
  );
}

/** Compares dotted version numbers; suffixes such as `rc1` are ignored. */
export function isAtLeast(version: string, needed: string): boolean {
  const [have, want] = [version, needed].map((text) => text.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (const [index, part] of (want ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Go's environment: everything it writes lies in our cache; its proxy and checksum settings stay the user's. */
export function goEnvironment(scratch?: string): Record<string, string> {
  const configHome = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  const perProcessBytes = (process.availableMemory() * 0.7) / availableParallelism();
  return {
    GOPATH: join(GO_DIR, "path"),
    GOMODCACHE: join(GO_DIR, "mod"),
    GOCACHE: join(GO_DIR, "build"),
    ...(scratch === undefined ? {} : { GOTMPDIR: join(scratch, "tmp") }),
    // Go keeps its telemetry counters in the configuration folder, and finds the user's settings by GOENV.
    XDG_CONFIG_HOME: join(GO_DIR, "config"),
    GOENV: process.env.GOENV ?? join(configHome, "go", "env"),
    GOFLAGS: "-modcacherw -trimpath",
    GOTOOLCHAIN: "local",
    GOWORK: "off",
    GOOS: "linux",
    GOARCH: process.arch === "x64" ? "amd64" : process.arch,
    CGO_ENABLED: "0",
    // The compiler is quicker when it collects garbage seldom; the limit makes it collect before memory runs out.
    GOGC: "800",
    GOMEMLIMIT: String(Math.max(256e6, Math.floor(perProcessBytes))),
  };
}
