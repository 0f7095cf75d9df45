/** An archive published by a project, and the digest it must have. */
export interface Release {
  url: string;
  algorithm: "sha256" | "sha512";
  digest: string;
  /** The folder inside the archive that holds the executables. */
  folder: string;
}

/** Something the toolchain gets as one: all its executables come from the same place. */
export interface Pin {
  /** Also the name of the folder under modules/ whose go.mod and go.sum pin every module that is linked in. */
  id: string;
  title: string;
  version: string;
  executables: readonly string[];
  /** Arguments that make an executable print its version; one that cannot say it is never taken from PATH. */
  versionArgs: Record<string, readonly string[]>;
  /** Go packages to build, relative to the wrapper module. */
  packages: readonly string[];
  /** Go linker settings, `name=value`. */
  variables: readonly string[];
  /** Files that the main package of the wrapper embeds, relative to the root of a Go module. */
  embeds?: { module: string; files: readonly string[] };
  /** By platform (`x64`, `arm64`). Absent where no digest was found in a published source: then it is built. */
  releases?: Partial<Record<string, Release>>;
  /** Room that building it from nothing takes in the cache, in GB, modules and compiled packages included. */
  buildGb: number;
}

const KUBERNETES = "1.35.4";
const PULUMI = "3.274.1";
const KUBERNETES_PROVIDER = "4.34.2";
const VERSION_PACKAGE = "k8s.io/component-base/version";
const KUBE_DAEMONS = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"] as const;

/** The folder of the Kubernetes provider in Pulumi's plugin layout. */
export const PROVIDER_PLUGIN = {
  folder: `resource-kubernetes-v${KUBERNETES_PROVIDER}`,
  executable: "pulumi-resource-kubernetes",
};

function kubernetesServer(arch: string, digest: string): Release {
  const url = `https://dl.k8s.io/v${KUBERNETES}/kubernetes-server-linux-${arch}.tar.gz`;
  return { url, algorithm: "sha512", digest, folder: "kubernetes/server/bin" };
}

/** Every tool that is fetched or built, in the order in which it is. */
export const PINS: readonly Pin[] = [
  {
    id: "etcd",
    title: "etcd",
    version: "3.6.16",
    executables: ["etcd"],
    versionArgs: { etcd: ["--version"] },
    packages: ["go.etcd.io/etcd/server/v3"],
    variables: [],
    buildGb: 0.8,
  },
  {
    id: "kubernetes",
    title: "Kubernetes",
    version: KUBERNETES,
    executables: [...KUBE_DAEMONS, "kubectl"],
    versionArgs: {
      ...Object.fromEntries(KUBE_DAEMONS.map((name) => [name, ["--version"]])),
      kubectl: ["version", "--client"],
    },
    packages: [...KUBE_DAEMONS, "kubectl"].map((name) => `k8s.io/kubernetes/cmd/${name}`),
    variables: [
      `${VERSION_PACKAGE}.gitVersion=v${KUBERNETES}`,
      `${VERSION_PACKAGE}.gitMajor=1`,
      `${VERSION_PACKAGE}.gitMinor=35`,
    ],
    // https://github.com/kubernetes/kubernetes/blob/master/CHANGELOG/CHANGELOG-1.35.md#downloads-for-v1354 (it lists SHA-512)
    releases: {
      x64: kubernetesServer(
        "amd64",
        "7454c2d9023de3230972e965e1e2a587a291e2a1abee703bb0737057e1646b23ebac538b93dd778e93579e3c293dc1fa8d002e6848ad5ebc01598bc47358fe44",
      ),
      arm64: kubernetesServer(
        "arm64",
        "67187a2fe780be7816f9d10e082ed02cbba306bab379980280d00ba4c4017ff53c50cd2ff81d248c91ddcc064276b8760e17c73a1a7da1d35067a6fc0ffbdc88",
      ),
    },
    buildGb: 3,
  },
  {
    id: "pause",
    title: "Pod sandbox",
    version: "1.0.0",
    executables: ["pause"],
    versionArgs: {},
    packages: ["."],
    variables: [],
    buildGb: 0.1,
  },
  {
    id: "coredns",
    title: "CoreDNS",
    version: "1.14.2",
    executables: ["coredns"],
    versionArgs: { coredns: ["-version"] },
    packages: ["."],
    variables: [],
    buildGb: 1,
  },
  {
    id: "pulumi",
    title: "Pulumi CLI",
    version: PULUMI,
    executables: ["pulumi"],
    versionArgs: { pulumi: ["version"] },
    packages: ["github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"],
    variables: [`github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${PULUMI}`],
    buildGb: 3,
  },
  {
    id: "pulumi-resource-kubernetes",
    title: "Kubernetes provider plugin",
    version: KUBERNETES_PROVIDER,
    executables: [PROVIDER_PLUGIN.executable],
    // It speaks gRPC only.
    versionArgs: {},
    packages: ["."],
    variables: [`github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=${KUBERNETES_PROVIDER}`],
    embeds: {
      module: "github.com/pulumi/pulumi-kubernetes/provider/v4",
      files: ["schema.json", "terraform-mapping.json"].map((file) => `cmd/pulumi-resource-kubernetes/${file}`),
    },
    buildGb: 4,
  },
];

/** Debian packages of the container runtime; their version is the one of the machine's Debian release. */
export const RUNTIME_PACKAGES = [
  "containerd",
  "runc",
  "containernetworking-plugins",
  "iptables",
  "conntrack",
  "iproute2",
] as const;

/** Dependencies that every Debian system has, and that must be the system's own. */
export const SYSTEM_PACKAGES = ["libc6", "libgcc-s1", "netbase"] as const;
