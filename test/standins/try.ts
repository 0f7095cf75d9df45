import { ensureToolchain } from "../../local/toolchain/index.ts";
import { TestStack } from "./stack.ts";

const toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
const s = await TestStack.make(toolchain);
await s.program(`
const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16", tags: { a: "b" } });
export const zones = (await aws.getAvailabilityZones({})).names;
const subnets = [0,1].map((i) => new aws.ec2.Subnet("s" + i, { vpcId: vpc.id, cidrBlock: "10.0." + i + ".0/24", availabilityZone: zones[i]! }));
const key = new aws.kms.Key("key", {});
const cluster = new eks.Cluster("vision", { name: "yolo-test", vpcId: vpc.id, privateSubnetIds: subnets.map((s) => s.id), skipDefaultNodeGroup: true, authenticationMode: "API", version: "1.35",
  encryptionConfigKeyArn: key.arn, endpointPrivateAccess: true, endpointPublicAccess: false, corednsAddonOptions: { enabled: false }, useDefaultVpcCni: true, kubeProxyAddonOptions: { enabled: false },
  enabledClusterLogTypes: ["api"], tags: { x: "y" } });
export const kubeconfig = cluster.kubeconfigJson; export const sg = cluster.eksCluster.vpcConfig.clusterSecurityGroupId; export const arn = cluster.eksCluster.arn;
export const cid = cluster.clusterSecurityGroupId;
`);
for (const what of ["preview", "up", "up", "destroy"] as const) {
  const t = Date.now();
  const r = await s[what]();
  console.log(what, Date.now() - t, r.exitCode, r.changes, "\n", r.text);
  if (what === "up") console.log(await s.outputs());
}
await s.remove();
