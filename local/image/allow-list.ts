import { globSync, lstatSync, readFileSync } from "node:fs";
import { dirname, join, matchesGlob } from "node:path";

/** The list of files that may enter the image, relative to the root of the repository. */
export const ALLOW_LIST = "service/Dockerfile.dockerignore";

/**
 * The files under `root` that the allow-list lets in, as sorted relative paths, chosen as BuildKit chooses them: the last
 * line that matches a file or a folder above it decides (https://docs.docker.com/build/concepts/context/#syntax).
 * Throws when the list does not begin by leaving everything out, because it would then be no allow-list.
 */
export function allowedFiles(root: string): string[] {
  const lines = readFileSync(join(root, ALLOW_LIST), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines[0] !== "*") throw new Error(`Expected "*" as the first pattern of ${ALLOW_LIST} but received ${lines[0]}.`);
  // Only a line that lets something in can name a file of the result, so that nothing else is walked.
  const candidates = lines
    .filter((line) => line.startsWith("!"))
    .flatMap((line) => [line.slice(1), `${line.slice(1)}/**`])
    .flatMap((pattern) => globSync(pattern, { cwd: root }));
  return [...new Set(candidates)]
    .filter((path) => lstatSync(join(root, path)).isFile() && isAllowed(path, lines))
    .sort();
}

function isAllowed(path: string, lines: readonly string[]): boolean {
  const decisive = lines.findLast((line) => matchesFileOrFolder(path, line.replace(/^!/, "")));
  return decisive?.startsWith("!") ?? true;
}

function matchesFileOrFolder(path: string, pattern: string): boolean {
  for (let part = path; part !== "."; part = dirname(part)) if (matchesGlob(part, pattern)) return true;
  return false;
}
