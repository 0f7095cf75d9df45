import { digits, type Model, type Models, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";

const RULE = "aws:cloudwatch/eventRule:EventRule";
const QUEUE = "aws:sqs/queue:Queue";
const TOPIC = "aws:sns/topic:Topic";

/** Refuses a name that is taken, in the words of a service. */
function unique(code: string, message: (name: string) => string): NonNullable<Model["refuse"]> {
  return ({ type, inputs, old, resources }) => {
    if (old !== undefined || resources.by(type, "name", String(inputs.name)) === undefined) return;
    throw new Refusal(code, message(String(inputs.name)));
  };
}

/** Keys, logs, events, queues, notifications, budgets. */
export const SERVICE_MODELS: Models = {
  "aws:kms/key:Key": {
    source: terraform("kms", "key"),
    replace: ["customerMasterKeySpec", "customKeyStoreId", "keyUsage", "multiRegion", "xksKeyId"],
    id: () => [8, 4, 4, 4, 12].map((count) => digits(count)).join("-"),
    arn: { service: "kms", of: (id) => `key/${id}` },
    outputs: (_, id) => ({ keyId: id }),
  },
  "aws:kms/alias:Alias": {
    source: terraform("kms", "alias"),
    replace: ["name", "namePrefix"],
    check: ({ name }) =>
      typeof name !== "string" || /^alias\/|^04da6b54/.test(name)
        ? []
        : [{ property: "name", reason: `Expected a name that begins with alias/ for name but received "${name}"` }],
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "kms", of: (id) => id },
    refuse: unique("AlreadyExistsException", (name) => `An alias with the name ${name} already exists`),
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    source: terraform("logs", "group"),
    replace: ["name", "namePrefix", "logGroupClass"],
    naming: { property: "name", max: 512 },
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "logs", of: (id) => `log-group:${id}` },
    // EKS makes the group of a cluster that logs: one that is to be ours must be there first.
    refuse: (request) => {
      const { inputs, old, resources } = request;
      unique("ResourceAlreadyExistsException", () => "The specified log group already exists")(request);
      const [, cluster] = /^\/aws\/eks\/(.+)\/cluster$/.exec(String(inputs.name)) ?? [];
      const logs = resources.get("aws:eks/cluster:Cluster", cluster ?? "")?.inputs.enabledClusterLogTypes;
      if (old !== undefined || !Array.isArray(logs) || logs.length === 0) return;
      throw new Refusal(
        "ResourceAlreadyExistsException",
        `The specified log group already exists: EKS made it with cluster ${cluster}`,
      );
    },
  },
  [RULE]: {
    source: terraform("events", "rule"),
    replace: ["name", "namePrefix", "eventBusName"],
    naming: { property: "name", max: 64 },
    id: ({ inputs }) => String(inputs.name),
    arn: { service: "events", of: (id) => `rule/${id}` },
    held: () => new Refusal("ValidationException", "Rule can't be deleted since it has targets."),
  },
  "aws:cloudwatch/eventTarget:EventTarget": {
    source: terraform("events", "target"),
    replace: ["rule", "targetId", "eventBusName"],
    id: ({ inputs }) => `${inputs.rule}-${digits(8)}`,
    kept: () => ({ targetId: `id-${digits(8)}` }),
    references: [
      {
        path: "rule",
        to: RULE,
        missing: (name) => new Refusal("ResourceNotFoundException", `Rule ${name} does not exist on EventBus default.`),
      },
    ],
  },
  [QUEUE]: {
    source: terraform("sqs", "queue"),
    replace: ["name", "namePrefix", "fifoQueue"],
    naming: { property: "name", max: 80 },
    id: ({ inputs, account, region }) => `https://sqs.${region}.amazonaws.com/${account}/${inputs.name}`,
    arn: { service: "sqs", of: (_, { inputs }) => String(inputs.name) },
    outputs: (_, id) => ({ url: id }),
    refuse: unique(
      "QueueAlreadyExists",
      (name) => `A queue already exists with the same name and a different value for an attribute: ${name}`,
    ),
  },
  "aws:sqs/queuePolicy:QueuePolicy": {
    source: terraform("sqs", "queue_policy"),
    replace: ["queueUrl"],
    id: ({ inputs }) => String(inputs.queueUrl),
    references: [
      {
        path: "queueUrl",
        to: QUEUE,
        missing: () => new Refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
        holds: false,
      },
    ],
  },
  [TOPIC]: {
    source: terraform("sns", "topic"),
    replace: ["name", "namePrefix", "fifoTopic"],
    naming: { property: "name", max: 256 },
    id: ({ inputs, account, region }) => `arn:aws:sns:${region}:${account}:${inputs.name}`,
    outputs: (_, id) => ({ arn: id }),
  },
  "aws:sns/topicPolicy:TopicPolicy": {
    source: terraform("sns", "topic_policy"),
    replace: ["arn"],
    id: ({ inputs }) => String(inputs.arn),
    references: [
      { path: "arn", to: TOPIC, missing: () => new Refusal("NotFound", "Topic does not exist"), holds: false },
    ],
  },
  "aws:sns/topicSubscription:TopicSubscription": {
    source: terraform("sns", "topic_subscription"),
    replace: ["endpoint", "protocol", "topic"],
    id: ({ inputs }) => `${inputs.topic}:${[8, 4, 4, 4, 12].map((count) => digits(count)).join("-")}`,
    outputs: (_, id) => ({ arn: id }),
    references: [
      { path: "topic", to: TOPIC, missing: () => new Refusal("NotFound", "Topic does not exist"), holds: false },
    ],
  },
  "aws:budgets/budget:Budget": {
    source: terraform("budgets", "budget"),
    replace: ["accountId", "name", "namePrefix", "budgetType"],
    naming: { property: "name", max: 100 },
    values: { timeUnit: ["DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", "CUSTOM"] },
    id: ({ inputs, account }) => `${account}:${inputs.name}`,
    arn: { service: "budgets", global: true, of: (_, { inputs }) => `budget/${inputs.name}` },
    outputs: ({ account }) => ({ accountId: account }),
    refuse: unique("DuplicateRecordException", (name) => `Error creating budget: ${name} - the budget already exists.`),
  },
  "aws:wafv2/webAcl:WebAcl": {
    source: terraform("wafv2", "web_acl"),
    replace: ["name", "namePrefix", "scope"],
    naming: { property: "name", max: 128 },
    values: { scope: ["REGIONAL", "CLOUDFRONT"] },
    id: () => [8, 4, 4, 4, 12].map((count) => digits(count)).join("-"),
    arn: { service: "wafv2", of: (id, { inputs }) => `regional/webacl/${inputs.name}/${id}` },
    outputs: () => ({ capacity: 1, lockToken: "stand-in" }),
    refuse: unique(
      "WAFDuplicateItemException",
      () =>
        "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing one.",
    ),
  },
};
