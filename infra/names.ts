import { createHash } from "node:crypto";

/** A name that changes with the content, so that what refers to it notices: `<prefix>-<10 hexadecimal digits>`. */
export function contentName(prefix: string, content: Readonly<Record<string, unknown>>): string {
  const canonical = JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${prefix}-${createHash("sha256").update(canonical).digest("hex").slice(0, 10)}`;
}

/** Labels that select the pods of one component. They may never change: a Deployment's selector is immutable. */
export function selectorLabels(name: string, namespace: string): Record<string, string> {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/instance": namespace };
}

/** The recommended labels of every object: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
export function objectLabels(name: string, namespace: string): Record<string, string> {
  return {
    ...selectorLabels(name, namespace),
    "app.kubernetes.io/part-of": "yolo",
    "app.kubernetes.io/managed-by": "pulumi",
  };
}

/** Version of the PodSecurity standard that is enforced: pinned, so that a cluster upgrade cannot refuse running pods. */
const POD_SECURITY_VERSION = "v1.35";

/** Labels that make the API server refuse every pod of a namespace that is not "restricted". */
export function podSecurityLabels(): Record<string, string> {
  return Object.fromEntries(
    ["enforce", "audit", "warn"].flatMap((mode) => [
      [`pod-security.kubernetes.io/${mode}`, "restricted"],
      [`pod-security.kubernetes.io/${mode}-version`, POD_SECURITY_VERSION],
    ]),
  );
}
