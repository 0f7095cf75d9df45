/** Instruction set of a machine. */
export type Architecture = "x86_64" | "arm64";

/** A model of GPU. */
interface GpuFacts {
  /** Memory of one GPU in GiB, as AWS's page of the family states it. */
  memoryGib: number;
  /** Value of the label `k8s.amazonaws.com/accelerator`: Cluster Autoscaler's own word where it has one. */
  accelerator: string;
}

/** Every model of GPU that the families below have. */
export const GPUS = {
  T4: { memoryGib: 16, accelerator: "nvidia-tesla-t4" },
  T4G: { memoryGib: 16, accelerator: "nvidia-t4g" },
  A10G: { memoryGib: 24, accelerator: "nvidia-a10g" },
  L4: { memoryGib: 24, accelerator: "nvidia-l4" },
  L40S: { memoryGib: 48, accelerator: "nvidia-l40s" },
  A100: { memoryGib: 40, accelerator: "nvidia-tesla-a100" },
  "A100-80GB": { memoryGib: 80, accelerator: "nvidia-a100-80gb" },
  H100: { memoryGib: 80, accelerator: "nvidia-h100" },
  H200: { memoryGib: 141, accelerator: "nvidia-h200" },
  B200: { memoryGib: 180, accelerator: "nvidia-b200" },
} as const satisfies Record<string, GpuFacts>;

/** Names of the GPU models. */
export type GpuModel = keyof typeof GPUS;

/** vCPUs, memory in GiB, GPUs. */
type Size = readonly [vcpus: number, memoryGib: number, gpus: number];

interface Family {
  architecture: Architecture;
  gpu?: GpuModel;
  source: string;
  sizes: Readonly<Record<string, Size>>;
}

/** Sizes that most families share: a GPU at 4 to 32 and at 64 vCPUs, more GPUs in between and above. */
const FAMILIES = {
  g4dn: {
    architecture: "x86_64",
    gpu: "T4",
    source: "https://aws.amazon.com/ec2/instance-types/g4/",
    sizes: {
      xlarge: [4, 16, 1],
      "2xlarge": [8, 32, 1],
      "4xlarge": [16, 64, 1],
      "8xlarge": [32, 128, 1],
      "12xlarge": [48, 192, 4],
      "16xlarge": [64, 256, 1],
    },
  },
  g5: {
    architecture: "x86_64",
    gpu: "A10G",
    source: "https://aws.amazon.com/ec2/instance-types/g5/",
    sizes: {
      xlarge: [4, 16, 1],
      "2xlarge": [8, 32, 1],
      "4xlarge": [16, 64, 1],
      "8xlarge": [32, 128, 1],
      "12xlarge": [48, 192, 4],
      "16xlarge": [64, 256, 1],
      "24xlarge": [96, 384, 4],
      "48xlarge": [192, 768, 8],
    },
  },
  g5g: {
    architecture: "arm64",
    gpu: "T4G",
    source: "https://aws.amazon.com/ec2/instance-types/g5g/",
    sizes: {
      xlarge: [4, 8, 1],
      "2xlarge": [8, 16, 1],
      "4xlarge": [16, 32, 1],
      "8xlarge": [32, 64, 1],
      "16xlarge": [64, 128, 2],
    },
  },
  g6: {
    architecture: "x86_64",
    gpu: "L4",
    source: "https://aws.amazon.com/ec2/instance-types/g6/",
    sizes: {
      xlarge: [4, 16, 1],
      "2xlarge": [8, 32, 1],
      "4xlarge": [16, 64, 1],
      "8xlarge": [32, 128, 1],
      "12xlarge": [48, 192, 4],
      "16xlarge": [64, 256, 1],
      "24xlarge": [96, 384, 4],
      "48xlarge": [192, 768, 8],
    },
  },
  gr6: {
    architecture: "x86_64",
    gpu: "L4",
    source: "https://aws.amazon.com/ec2/instance-types/g6/",
    sizes: { "4xlarge": [16, 128, 1], "8xlarge": [32, 256, 1] },
  },
  g6e: {
    architecture: "x86_64",
    gpu: "L40S",
    source: "https://aws.amazon.com/ec2/instance-types/g6e/",
    sizes: {
      xlarge: [4, 32, 1],
      "2xlarge": [8, 64, 1],
      "4xlarge": [16, 128, 1],
      "8xlarge": [32, 256, 1],
      "12xlarge": [48, 384, 4],
      "16xlarge": [64, 512, 1],
      "24xlarge": [96, 768, 4],
      "48xlarge": [192, 1536, 8],
    },
  },
  p4d: {
    architecture: "x86_64",
    gpu: "A100",
    source: "https://aws.amazon.com/ec2/instance-types/p4/",
    sizes: { "24xlarge": [96, 1152, 8] },
  },
  p4de: {
    architecture: "x86_64",
    gpu: "A100-80GB",
    source: "https://aws.amazon.com/ec2/instance-types/p4/",
    sizes: { "24xlarge": [96, 1152, 8] },
  },
  p5: {
    architecture: "x86_64",
    gpu: "H100",
    source: "https://aws.amazon.com/ec2/instance-types/p5/",
    sizes: { "4xlarge": [16, 256, 1], "48xlarge": [192, 2048, 8] },
  },
  p5en: {
    architecture: "x86_64",
    gpu: "H200",
    source: "https://aws.amazon.com/ec2/instance-types/p5/",
    sizes: { "48xlarge": [192, 2048, 8] },
  },
  "p6-b200": {
    architecture: "x86_64",
    gpu: "B200",
    source: "https://aws.amazon.com/ec2/instance-types/p6/",
    sizes: { "48xlarge": [192, 2048, 8] },
  },
  t3: {
    architecture: "x86_64",
    source: "https://aws.amazon.com/ec2/instance-types/t3/",
    sizes: { medium: [2, 4, 0], large: [2, 8, 0], xlarge: [4, 16, 0], "2xlarge": [8, 32, 0] },
  },
  t4g: {
    architecture: "arm64",
    source: "https://aws.amazon.com/ec2/instance-types/t4/",
    sizes: { medium: [2, 4, 0], large: [2, 8, 0], xlarge: [4, 16, 0], "2xlarge": [8, 32, 0] },
  },
  m6i: {
    architecture: "x86_64",
    source: "https://aws.amazon.com/ec2/instance-types/m6i/",
    sizes: { large: [2, 8, 0], xlarge: [4, 16, 0], "2xlarge": [8, 32, 0], "4xlarge": [16, 64, 0] },
  },
  m7i: {
    architecture: "x86_64",
    source: "https://aws.amazon.com/ec2/instance-types/m7i/",
    sizes: { large: [2, 8, 0], xlarge: [4, 16, 0], "2xlarge": [8, 32, 0], "4xlarge": [16, 64, 0] },
  },
  m7g: {
    architecture: "arm64",
    source: "https://aws.amazon.com/ec2/instance-types/m7g/",
    sizes: { large: [2, 8, 0], xlarge: [4, 16, 0], "2xlarge": [8, 32, 0], "4xlarge": [16, 64, 0] },
  },
} as const satisfies Record<string, Family>;

type FamilyName = keyof typeof FAMILIES;

/** Name of an instance type of the table, such as `g6.xlarge`. */
export type InstanceTypeName = {
  [F in FamilyName]: `${F}.${keyof (typeof FAMILIES)[F]["sizes"] & string}`;
}[FamilyName];

/** What the program needs to know of an instance type. */
export interface InstanceType {
  architecture: Architecture;
  vcpus: number;
  memoryGib: number;
  /** Number of GPUs; 0 for a type without. */
  gpus: number;
  /** Model of its GPUs; missing for a type without. */
  gpu?: GpuModel;
  /** AWS's page of the family. */
  source: string;
}

/** Every instance type that a node group may have. */
export const INSTANCE_TYPES: Readonly<Record<InstanceTypeName, InstanceType>> = Object.fromEntries(
  Object.entries<Family>(FAMILIES).flatMap(([family, { sizes, ...facts }]) =>
    Object.entries(sizes).map(([size, [vcpus, memoryGib, gpus]]) => [
      `${family}.${size}`,
      { ...facts, vcpus, memoryGib, gpus },
    ]),
  ),
) as Record<InstanceTypeName, InstanceType>;

/** Whether the table has an instance type of this name. */
export function isInstanceType(name: string): name is InstanceTypeName {
  return Object.hasOwn(INSTANCE_TYPES, name);
}

/** Memory of one GPU of a type in GiB; 0 for a type without a GPU. */
export function gpuMemoryGib({ gpu }: InstanceType): number {
  return gpu === undefined ? 0 : GPUS[gpu].memoryGib;
}
