import type * as k8s from "@pulumi/kubernetes";
import { PORTS } from "../../service/contract.ts";
import { selectorLabels } from "../names.ts";
import { MONITORING_NAMESPACE, PROMETHEUS_PODS, PROMETHEUS_PORT } from "./values.ts";

type PolicySpec = k8s.types.input.networking.v1.NetworkPolicySpec;

/** Label that Kubernetes itself puts on every namespace. */
const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/**
 * Lets nobody but each other reach the pods of the namespace: Prometheus and Alertmanager ask for no password. The way out is
 * open, because Prometheus reads from every node and pod, and Alertmanager sends to wherever receivers are.
 */
export const OWN_NAMESPACE_ONLY: PolicySpec = {
  podSelector: {},
  policyTypes: ["Ingress"],
  ingress: [{ from: [{ podSelector: {} }] }],
};

/** Lets the pods of other namespaces query Prometheus. */
export function readersPolicy(namespaces: readonly string[]): PolicySpec {
  return {
    podSelector: { matchLabels: { ...PROMETHEUS_PODS } },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: namespaces.map((namespace) => ({ namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: namespace } } })),
        ports: [{ protocol: "TCP", port: PROMETHEUS_PORT }],
      },
    ],
  };
}

/** Lets Prometheus, and nothing else of its namespace, reach a detector's pods. Policies add up: the detector's own stays as it is. */
export function scrapePolicy({ name, namespace }: { name: string; namespace: string }): PolicySpec {
  return {
    podSelector: { matchLabels: selectorLabels(name, namespace) },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [
          {
            namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: MONITORING_NAMESPACE } },
            podSelector: { matchLabels: { ...PROMETHEUS_PODS } },
          },
        ],
        ports: [{ protocol: "TCP", port: PORTS.http }],
      },
    ],
  };
}
