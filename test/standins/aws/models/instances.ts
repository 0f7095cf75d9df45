import { numberAt, textAt } from "../../values.ts";
import { type Model, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { TO_VPC } from "./vpc.ts";

export const GROUP = "aws:ec2/securityGroup:SecurityGroup";
export const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

/** Groups that EKS makes with a cluster have no resource of their own. */
function groupReference(path: string) {
  return {
    path,
    to: GROUP,
    missing: (id: string) => new Refusal("InvalidGroup.NotFound", `The security group '${id}' does not exist`),
    foreign: /^sg-eks/,
  };
}

/** What a rule of the older kind says; any change of it makes another rule. */
const RULE = [
  "type",
  "fromPort",
  "toPort",
  "protocol",
  "cidrBlocks",
  "ipv6CidrBlocks",
  "prefixListIds",
  "self",
  "sourceSecurityGroupId",
];

/** What a rule says, for comparing it with others. */
const SAYS = [
  ...RULE,
  "securityGroupId",
  "ipProtocol",
  "cidrIpv4",
  "cidrIpv6",
  "prefixListId",
  "referencedSecurityGroupId",
];

function refuseDuplicateRule({ type, inputs, old, resources }: Request): void {
  const says = (each: Record<string, unknown>) => JSON.stringify(SAYS.map((key) => each[key]));
  const same = resources.all(type).find((each) => each.id !== old?.id && says(each.inputs) === says(inputs));
  if (same === undefined) return;
  throw new Refusal("InvalidPermission.Duplicate", `the specified rule already exists (${same.id})`);
}

function ruleModel(direction: "ingress" | "egress"): Model {
  return {
    source: terraform("ec2", `vpc_security_group_${direction}_rule`),
    replace: ["securityGroupId"],
    id: "sgr",
    arn: { service: "ec2", of: (id) => `security-group-rule/${id}` },
    outputs: (_, id) => ({ securityGroupRuleId: id }),
    references: [groupReference("referencedSecurityGroupId"), { ...groupReference("securityGroupId"), holds: false }],
    refuse: refuseDuplicateRule,
  };
}

function refuseGroup({ inputs, old, resources }: Request): void {
  const same = resources
    .all(GROUP)
    .find((each) => each.id !== old?.id && each.outputs.name === inputs.name && each.inputs.vpcId === inputs.vpcId);
  if (same === undefined) return;
  throw new Refusal(
    "InvalidGroup.Duplicate",
    `The security group '${inputs.name}' already exists for VPC '${inputs.vpcId}'`,
  );
}

function refuseTemplate({ inputs, old, resources }: Request): void {
  if (resources.all(TEMPLATE).some((each) => each.id !== old?.id && each.outputs.name === inputs.name)) {
    throw new Refusal(
      "InvalidLaunchTemplateName.AlreadyExistsException",
      `Launch template name already in use. (${inputs.name})`,
    );
  }
}

/** Security groups and launch templates. */
export const INSTANCE_MODELS: Models = {
  [GROUP]: {
    source: terraform("ec2", "vpc_security_group"),
    replace: ["name", "namePrefix", "description", "vpcId"],
    naming: { property: "name", max: 255 },
    id: "sg",
    arn: { service: "ec2", of: (id) => `security-group/${id}` },
    outputs: ({ account, inputs }) => ({ ownerId: account, description: inputs.description ?? "Managed by Pulumi" }),
    references: [TO_VPC, groupReference("ingress.securityGroups"), groupReference("egress.securityGroups")],
    refuse: refuseGroup,
    held: ({ id }, by) =>
      new Refusal("DependencyViolation", `resource ${id} has a dependent object (${by.type} ${by.id})`),
  },
  "aws:ec2/securityGroupRule:SecurityGroupRule": {
    source: terraform("ec2", "vpc_security_group_rule"),
    replace: ["securityGroupId", ...RULE],
    id: "sgrule",
    outputs: (_, id) => ({ securityGroupRuleId: id }),
    references: [groupReference("sourceSecurityGroupId"), { ...groupReference("securityGroupId"), holds: false }],
    refuse: refuseDuplicateRule,
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ruleModel("ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ruleModel("egress"),
  [TEMPLATE]: {
    source: terraform("ec2", "ec2_launch_template"),
    replace: ["name", "namePrefix"],
    naming: { property: "name", max: 128 },
    values: {
      "metadataOptions.httpTokens": ["optional", "required"],
      "metadataOptions.httpEndpoint": ["enabled", "disabled"],
      "blockDeviceMappings.ebs.volumeType": ["standard", "io1", "io2", "gp2", "gp3", "sc1", "st1"],
    },
    id: "lt",
    arn: { service: "ec2", of: (id) => `launch-template/${id}` },
    outputs: ({ old, inputs }) => {
      const latestVersion = (numberAt(old?.outputs, "latestVersion") ?? 0) + 1;
      const given = numberAt(inputs, "defaultVersion");
      const kept =
        inputs.updateDefaultVersion === true ? latestVersion : (numberAt(old?.outputs, "defaultVersion") ?? 1);
      return { latestVersion, defaultVersion: given ?? kept };
    },
    unsettled: ["latestVersion", "defaultVersion"],
    references: [{ ...groupReference("vpcSecurityGroupIds"), holds: false }],
    refuse: (request) => {
      refuseTemplate(request);
      const hops = numberAt(request.inputs, "metadataOptions.httpPutResponseHopLimit");
      if (hops === undefined || (hops >= 1 && hops <= 64)) return;
      throw new Refusal("InvalidParameterValue", `Value (${hops}) for parameter HttpPutResponseHopLimit is invalid`);
    },
  },
  "aws:autoscaling/tag:Tag": {
    source: terraform("autoscaling", "group_tag"),
    replace: ["autoscalingGroupName", "tag.key"],
    id: ({ inputs }) => `${inputs.autoscalingGroupName},${textAt(inputs, "tag.key")}`,
    refuse: ({ inputs, resources }) => {
      const name = textAt(inputs, "autoscalingGroupName") ?? "";
      const path = "resources.autoscalingGroups.name";
      if (resources.by("aws:eks/nodeGroup:NodeGroup", path, name) !== undefined) return;
      throw new Refusal("ValidationError", `AutoScalingGroup name not found - AutoScalingGroup ${name} not found`);
    },
  },
};
