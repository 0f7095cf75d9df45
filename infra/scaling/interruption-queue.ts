import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * What AWS says before it takes an instance, or when somebody else has ended one.
 * Source: https://karpenter.sh/v1.14/reference/cloudformation/#interruption-handling
 */
export const INTERRUPTION_EVENTS = {
  "spot-interruption": { source: "aws.ec2", detailType: "EC2 Spot Instance Interruption Warning" },
  rebalance: { source: "aws.ec2", detailType: "EC2 Instance Rebalance Recommendation" },
  "state-change": { source: "aws.ec2", detailType: "EC2 Instance State-change Notification" },
  "scheduled-change": { source: "aws.health", detailType: "AWS Health Event" },
  "capacity-reservation": {
    source: "aws.ec2",
    detailType: "EC2 Capacity Reservation Instance Interruption Warning",
  },
} as const;

/** Seconds after which nobody needs a message: an interruption is announced two minutes ahead. */
const RETENTION_SECONDS = 300;

/** Only events of these rules may be put into the queue, and only over TLS is it used. */
export function queuePolicy(queueArn: string, ruleArns: readonly string[]): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Events",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: queueArn,
        Condition: { ArnEquals: { "aws:SourceArn": [...ruleArns] } },
      },
      {
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "sqs:*",
        Resource: queueArn,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  };
}

/** A queue with everything that AWS says about instances which it is about to take. */
export class InterruptionQueue extends pulumi.ComponentResource {
  readonly queueName: pulumi.Output<string>;
  readonly queueArn: pulumi.Output<string>;

  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:InterruptionQueue", name, {}, opts);
    const parent = { parent: this };
    const queue = new aws.sqs.Queue(
      name,
      { messageRetentionSeconds: RETENTION_SECONDS, sqsManagedSseEnabled: true },
      parent,
    );
    const rules = Object.entries(INTERRUPTION_EVENTS).map(([event, { source, detailType }]) => {
      const pattern = JSON.stringify({ source: [source], "detail-type": [detailType] });
      const rule = new aws.cloudwatch.EventRule(`${name}-${event}`, { eventPattern: pattern }, parent);
      new aws.cloudwatch.EventTarget(`${name}-${event}`, { rule: rule.name, arn: queue.arn }, parent);
      return rule;
    });
    new aws.sqs.QueuePolicy(
      name,
      {
        queueUrl: queue.url,
        policy: pulumi
          .all([queue.arn, pulumi.all(rules.map(({ arn }) => arn))])
          .apply(([queueArn, ruleArns]) => queuePolicy(queueArn, ruleArns)),
      },
      parent,
    );
    this.queueName = queue.name;
    this.queueArn = queue.arn;
    this.registerOutputs({ queueName: this.queueName, queueArn: this.queueArn });
  }
}
