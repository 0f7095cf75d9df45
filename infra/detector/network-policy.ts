import type * as k8s from "@pulumi/kubernetes";
import { PORTS } from "../../service/contract.ts";
import type { Peer } from "./args.ts";
import type { EgressRule } from "./egress.ts";

type PolicySpec = k8s.types.input.networking.v1.NetworkPolicySpec;
type PolicyPeer = k8s.types.input.networking.v1.NetworkPolicyPeer;

/** Label that Kubernetes itself puts on every namespace. */
const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/** Denies every connection from and to every pod of the namespace; other policies allow what is needed. */
export const DENY_ALL: PolicySpec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

/** Lets the namespace's own pods and the given peers reach the HTTP port, and the pods reach nothing but what is given. */
export function detectorPolicy(
  podLabels: Record<string, string>,
  allowFrom: readonly Peer[],
  egress: EgressRule[],
): PolicySpec {
  return {
    podSelector: { matchLabels: podLabels },
    policyTypes: ["Ingress", "Egress"],
    // Pods of the own namespace always stand in this list, because an empty one would mean everybody.
    ingress: [
      { from: [{ podSelector: {} }, ...allowFrom.map(policyPeer)], ports: [{ protocol: "TCP", port: PORTS.http }] },
    ],
    egress,
  };
}

function policyPeer(peer: Peer): PolicyPeer {
  if ("cidr" in peer) return { ipBlock: { cidr: peer.cidr } };
  return { namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: peer.namespace } } };
}
