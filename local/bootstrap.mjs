// Starts a TypeScript program of this repository under the Node that package-lock.json pins, from whatever Node >= 18
// is there, and installs the npm dependencies first when they are missing or older than the lockfile.
// Plain JavaScript, because an old Node cannot read anything else.
// Usage: node local/bootstrap.mjs PROGRAM.ts [ARG ...]
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 18;
const NATIVE_TYPESCRIPT_NODE = 26;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function major(version) {
  return Number(version.replace(/^v/, "").split(".")[0]);
}

if (major(process.version) < OLDEST_NODE) {
  fail(
    `Expected Node ${OLDEST_NODE} or newer to start from, but this is ${process.version}.\n` +
      `Install a newer one (Debian: apt-get install nodejs npm) and run the same command again.`,
  );
}

function lockDigest() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

function installDependencies() {
  const stamp = join(ROOT, "node_modules", ".yolo-lock");
  const digest = lockDigest();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const started = Date.now();
  console.error("Installing npm dependencies (about a minute, once) ...");
  const npm = spawnSync("npm", ["ci", "--include=dev", "--include=optional", "--loglevel=error", "--no-progress"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (npm.error)
    fail(`Expected npm on PATH, but it could not be started: ${npm.error.message}. Install npm and try again.`);
  if (npm.signal) process.exit(128 + constants.signals[npm.signal]);
  if (npm.status !== 0) {
    fail(
      `npm could not install the dependencies (exit code ${npm.status}); its own message stands above. Run the same command again once that is mended.`,
    );
  }
  checkPinnedNode();
  writeFileSync(stamp, digest);
  console.error(`Installed npm dependencies in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** The pinned Node needs one library that a minimal Debian lacks. */
function checkPinnedNode() {
  const { status, stderr } = spawnSync(pinnedNode(), ["--version"], { encoding: "utf8" });
  if (status === 0) return;
  fail(
    `The pinned Node cannot run on this machine: ${stderr?.trim() || "it ended without a word"}\n` +
      "On Debian, install what it needs (apt-get install libatomic1) and run the same command again.",
  );
}

function pinnedNode() {
  const path = join(ROOT, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (existsSync(path)) return path;
  if (major(process.version) >= NATIVE_TYPESCRIPT_NODE) return process.execPath;
  fail(
    `Expected Linux on x64 or arm64, or Node ${NATIVE_TYPESCRIPT_NODE} or newer, but this is Node ${process.version} on ` +
      `${process.platform} ${process.arch}. Install Node ${NATIVE_TYPESCRIPT_NODE} and run the same command again.`,
  );
}

installDependencies();
const [program, ...args] = process.argv.slice(2);
const node = pinnedNode();
const child = spawn(node, [join(ROOT, program), ...args], {
  stdio: "inherit",
  // What a program starts (mocha, Pulumi's language host, workers) runs under the same Node.
  env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` },
});
// The terminal sends Ctrl-C to the whole group; a plain `kill` reaches only this process, so pass it on.
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
process.on("SIGINT", () => {});
child.on("error", (error) => fail(`Could not start ${node}: ${error.message}`));
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
