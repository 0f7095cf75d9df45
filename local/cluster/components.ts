import { CLUSTER_DOMAIN, INSIDE, NODE_NAME, POD_RANGE, SERVICE_RANGE } from "./paths.ts";
import type { User } from "./pki.ts";

/** A program of the node and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** When components start: the control plane first, the others once the API server answers, so that none has to retry. */
export type Phase = "control-plane" | "node";

const PKI = `${INSIDE}/pki`;
const ETCD = "https://127.0.0.1:2379";
const ETCD_PEER = "https://127.0.0.1:2380";

/** Where a component finds its kubeconfig inside the node. */
export const kubeconfigOf = (user: User): string => `${INSIDE}/kubeconfig/${user}`;

/** The components of a node at an address. All listen on the node's loopback or on that address, and on nothing else. */
export function components(nodeAddress: string): Record<Phase, Record<string, Command>> {
  return {
    "control-plane": {
      etcd: etcd(),
      "kube-apiserver": apiserver(nodeAddress),
      containerd: ["containerd", "--config", `${INSIDE}/containerd.toml`],
    },
    node: {
      "kube-controller-manager": controllerManager(),
      "kube-scheduler": [
        "kube-scheduler",
        ...delegatedAuth("kube-scheduler"),
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
      ],
      kubelet: [
        "kubelet",
        `--config=${INSIDE}/kubelet.yaml`,
        `--kubeconfig=${kubeconfigOf("kubelet")}`,
        `--hostname-override=${NODE_NAME}`,
        `--node-ip=${nodeAddress}`,
      ],
      "kube-proxy": [
        "kube-proxy",
        `--kubeconfig=${kubeconfigOf("kube-proxy")}`,
        `--hostname-override=${NODE_NAME}`,
        "--proxy-mode=iptables",
        `--cluster-cidr=${POD_RANGE}`,
        "--healthz-bind-address=127.0.0.1",
        "--metrics-bind-address=127.0.0.1",
        // The size of the connection table belongs to the machine and cannot be set from inside a network namespace.
        "--conntrack-max-per-core=0",
        // Lowering it needs CAP_SYS_RESOURCE, which root may lack.
        "--oom-score-adj=0",
      ],
    },
  };
}

function etcd(): Command {
  return [
    "etcd",
    `--name=${NODE_NAME}`,
    `--data-dir=${INSIDE}/etcd`,
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=${NODE_NAME}=${ETCD_PEER}`,
    ...["", "peer-"].flatMap((kind) => [
      `--${kind}client-cert-auth`,
      `--${kind}trusted-ca-file=${PKI}/etcd-ca.crt`,
      `--${kind}cert-file=${PKI}/etcd.crt`,
      `--${kind}key-file=${PKI}/etcd.key`,
    ]),
    // The cluster does not outlive its process tree, so that there is nothing to save from a power cut.
    "--unsafe-no-fsync",
  ];
}

function apiserver(nodeAddress: string): Command {
  return [
    "kube-apiserver",
    `--bind-address=${nodeAddress}`,
    `--advertise-address=${nodeAddress}`,
    "--secure-port=6443",
    "--anonymous-auth=false",
    "--profiling=false",
    "--authorization-mode=Node,RBAC",
    // PodSecurity and the other usual plugins are on by default.
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    `--etcd-servers=${ETCD}`,
    `--etcd-cafile=${PKI}/etcd-ca.crt`,
    `--etcd-certfile=${PKI}/etcd-client.crt`,
    `--etcd-keyfile=${PKI}/etcd-client.key`,
    `--tls-cert-file=${PKI}/apiserver.crt`,
    `--tls-private-key-file=${PKI}/apiserver.key`,
    `--client-ca-file=${PKI}/ca.crt`,
    `--kubelet-certificate-authority=${PKI}/ca.crt`,
    `--kubelet-client-certificate=${PKI}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${PKI}/apiserver-kubelet-client.key`,
    "--kubelet-preferred-address-types=InternalIP",
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--service-account-issuer=https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
    `--service-account-key-file=${PKI}/service-accounts.pub`,
    `--service-account-signing-key-file=${PKI}/service-accounts.key`,
    `--requestheader-client-ca-file=${PKI}/front-proxy-ca.crt`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-username-headers=X-Remote-User",
    `--proxy-client-cert-file=${PKI}/front-proxy-client.crt`,
    `--proxy-client-key-file=${PKI}/front-proxy-client.key`,
    "--enable-aggregator-routing=true",
  ];
}

function controllerManager(): Command {
  return [
    "kube-controller-manager",
    ...delegatedAuth("kube-controller-manager"),
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
    "--use-service-account-credentials=true",
    `--root-ca-file=${PKI}/ca.crt`,
    `--service-account-private-key-file=${PKI}/service-accounts.key`,
    `--cluster-signing-cert-file=${PKI}/ca.crt`,
    `--cluster-signing-key-file=${PKI}/ca.key`,
    "--allocate-node-cidrs=true",
    `--cluster-cidr=${POD_RANGE}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    "--horizontal-pod-autoscaler-sync-period=5s",
    // A claim that comes a moment before its volume is looked at again after this time, not after 15 s.
    "--pvclaimbinder-sync-period=1s",
    // Every controller asks for a token at start; at the default rate that takes them four seconds.
    "--kube-api-qps=200",
    "--kube-api-burst=400",
  ];
}

function delegatedAuth(user: User): string[] {
  return ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"].map(
    (flag) => `--${flag}=${kubeconfigOf(user)}`,
  );
}
