import type { Pin } from "./pins.ts";

/** Tools that only tests use: no other command gets them. */
export const TEST_PINS = {
  kwok: {
    id: "kwok",
    title: "kwok",
    version: "0.8.0",
    executables: ["kwok"],
    versionArgs: { kwok: ["--version"] },
    packages: ["sigs.k8s.io/kwok/cmd/kwok"],
    variables: ["sigs.k8s.io/kwok/pkg/consts.Version=v0.8.0"],
    buildGb: 1,
  },
  kubeconform: {
    id: "kubeconform",
    title: "kubeconform",
    version: "0.8.0",
    executables: ["kubeconform"],
    versionArgs: { kubeconform: ["-v"] },
    packages: ["github.com/yannh/kubeconform/cmd/kubeconform"],
    variables: ["main.version=v0.8.0"],
    buildGb: 0.3,
  },
} as const satisfies Record<string, Pin>;

/** Name of a tool that only tests use. */
export type TestTool = keyof typeof TEST_PINS;
