import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { ApiClient, type KubernetesObject } from "./api.ts";
import { CLUSTER_DOMAIN, DNS_ADDRESS } from "./paths.ts";

const NAMESPACE = "kube-system";
const NAME = "coredns";
/** An unprivileged user may not bind port 53. */
const PORT = 1053;
const LABELS = { "k8s-app": "kube-dns" };
const READY_TIMEOUT_MS = 60_000;

/**
 * Everything is the cluster's zone, the root included: names outside cannot be reached from here, and a quick NXDOMAIN is
 * what programs understand best (a refusal makes them try again).
 */
const COREFILE = `.:${PORT} {
    errors
    health :8080 {
        lameduck 5s
    }
    ready :8181
    kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa . {
        ttl 30
    }
    cache 30
    loadbalance
}
`;

/** CoreDNS as cluster DNS, as the Kubernetes objects that kubeadm would make but without any privilege. */
export function clusterDnsObjects(image: string): KubernetesObject[] {
  const metadata = { name: NAME, namespace: NAMESPACE };
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1" };
  const role = `system:${NAME}`;
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      ...rbac,
      kind: "ClusterRole",
      metadata: { name: role },
      rules: [
        { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      ...rbac,
      kind: "ClusterRoleBinding",
      metadata: { name: role },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: COREFILE } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...metadata, labels: LABELS },
      spec: deploymentSpec(image),
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: NAMESPACE, labels: LABELS },
      spec: {
        clusterIP: DNS_ADDRESS,
        selector: LABELS,
        ports: ["UDP", "TCP"].map((protocol) => ({
          name: `dns-${protocol.toLowerCase()}`,
          port: 53,
          targetPort: PORT,
          protocol,
        })),
      },
    },
  ];
}

function deploymentSpec(image: string): object {
  const probe = (path: string, port: number) => ({ httpGet: { path, port }, periodSeconds: 2, failureThreshold: 5 });
  return {
    replicas: 1,
    selector: { matchLabels: LABELS },
    template: {
      metadata: { labels: LABELS },
      spec: {
        serviceAccountName: NAME,
        priorityClassName: "system-cluster-critical",
        // Its own server would be this very pod.
        dnsPolicy: "Default",
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65532,
          runAsGroup: 65532,
          seccompProfile: { type: "RuntimeDefault" },
        },
        containers: [
          {
            name: NAME,
            image,
            imagePullPolicy: "Never",
            args: ["-conf", "/etc/coredns/Corefile"],
            ports: ["UDP", "TCP"].map((protocol) => ({
              name: `dns-${protocol.toLowerCase()}`,
              containerPort: PORT,
              protocol,
            })),
            resources: { requests: { cpu: "20m", memory: "40Mi" }, limits: { memory: "128Mi" } },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
            readinessProbe: probe("/ready", 8181),
            livenessProbe: probe("/health", 8080),
            volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
          },
        ],
        volumes: [{ name: "config", configMap: { name: NAME } }],
      },
    },
  };
}

/**
 * Installs the cluster's DNS, or brings it up to date, and waits until it answers. `image` names an image that is in the
 * node and runs CoreDNS. Throws a UserError when it is not ready after a minute.
 */
export async function applyClusterDns(
  cluster: { kubeconfig: string },
  image: string,
  signal = new AbortController().signal,
): Promise<void> {
  using api = await ApiClient.fromFile(cluster.kubeconfig);
  await api.apply(clusterDnsObjects(image), signal);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`;
  for (;;) {
    const { status, metadata } = await api.get<{
      metadata: { generation: number };
      status: { observedGeneration?: number; updatedReplicas?: number; availableReplicas?: number };
    }>(path, { signal });
    const current = status.observedGeneration === metadata.generation;
    if (current && status.updatedReplicas === 1 && status.availableReplicas === 1) return;
    if (Date.now() > deadline) {
      throw new UserError(
        `The cluster's DNS was not ready after ${READY_TIMEOUT_MS / 1000} s. Look at it with:\n` +
          `kubectl --kubeconfig ${cluster.kubeconfig} --namespace ${NAMESPACE} describe pods -l k8s-app=kube-dns`,
      );
    }
    await sleep(200, undefined, { signal });
  }
}
