import type { Release } from "../stacks/release.ts";

/** What a stack has after its first deployment, and what only its key can read: a plan needs some of each. */
export const PLACEHOLDERS = {
  "yolo:release": {
    image: `registry.invalid/detector@sha256:${"0".repeat(64)}`,
    model: { name: "placeholder", sha256: "0".repeat(64), uri: "https://models.invalid/placeholder.onnx" },
  } satisfies Release,
  "yolo:grafanaPassword": "placeholder-of-a-plan",
};
