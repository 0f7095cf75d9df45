import { CGROUP, CLUSTER_DOMAIN, DNS_ADDRESS, INSIDE, NODE_POD_RANGE, PAUSE_IMAGE } from "./paths.ts";

const PKI = `${INSIDE}/pki`;
const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

/** The kubelet's configuration file, as an object (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/). */
export function kubeletConfig(nodeAddress: string): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: nodeAddress,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${PKI}/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: `${PKI}/kubelet-server.crt`,
    tlsPrivateKeyFile: `${PKI}/kubelet-server.key`,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${CGROUP}`,
    // Machines with cgroup v1 are still common; without this the kubelet refuses to start on them.
    failCgroupV1: false,
    failSwapOn: false,
    // Never set the machine's kernel parameters: node.sh shows the values that the kubelet wants.
    protectKernelDefaults: true,
    // Lowering it needs CAP_SYS_RESOURCE, which root may lack.
    oomScoreAdj: 0,
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: `${INSIDE}/resolv.conf`,
    volumePluginDir: "/var/lib/kubelet/volume-plugins",
    evictionHard: { "nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi" },
    // Images cannot be pulled again, so that none may be collected.
    imageGCHighThresholdPercent: 100,
    containerLogMaxSize: "10Mi",
    containerLogMaxFiles: 2,
  };
}

/** The network of pods: a bridge without a way out of the node. */
export function networkConfig(): object {
  return {
    cniVersion: "1.0.0",
    name: "yolo",
    plugins: [
      {
        type: "bridge",
        bridge: "cni0",
        isGateway: true,
        hairpinMode: true,
        ipam: { type: "host-local", ranges: [[{ subnet: NODE_POD_RANGE }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

/** containerd's configuration file (1.6, version 2 of the format). `pluginDir` holds the CNI plugins. */
export function containerdConfig(pluginDir: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# What a kernel without their file systems would only warn about, and what would make a folder in /opt.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # Lowering the score needs CAP_SYS_RESOURCE, which root may lack: without this every sandbox would fail.
  restrict_oom_score_adj = true
  # Its profile would stay loaded in the machine's kernel after the node has ended.
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${JSON.stringify(pluginDir)}
    conf_dir = "${INSIDE}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
}
