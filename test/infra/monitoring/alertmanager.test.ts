import assert from "node:assert/strict";
import { alertmanagerConfig, needsSecret, secretNames } from "../../../infra/monitoring/alertmanager.ts";
import { monitoringProblems, receiverSecretProblems } from "../../../infra/monitoring/checks.ts";
import { SETTINGS } from "./fixture.ts";

const { alertmanager } = SETTINGS;
const NONE = { ...alertmanager, receivers: {}, routes: { critical: [], warning: [], info: [] }, heartbeat: undefined };

/** Names of the receivers that get an alert, as Alertmanager walks the routes. */
function receiversOf(labels: Record<string, string>): string[] {
  const { routes, receiver } = alertmanagerConfig(alertmanager).route;
  const told: string[] = [];
  for (const route of routes) {
    const [, label = "", value] = /^(\w+)="(.*)"$/.exec(route.matchers?.[0] ?? "") ?? [];
    if (labels[label] !== value) continue;
    told.push(route.receiver);
    if (route.continue !== true) break;
  }
  return told.length === 0 ? [receiver] : told;
}

describe("The route of alerts", () => {
  it("tells each receiver of a severity, and nobody else", () => {
    assert.deepEqual(receiversOf({ severity: "critical" }), ["oncall", "team"]);
    assert.deepEqual(receiversOf({ severity: "warning" }), ["team"]);
    assert.deepEqual(receiversOf({ severity: "info" }), ["mail", "login"]);
    assert.deepEqual(receiversOf({ severity: "none" }), ["nobody"]);
  });

  it("sends the sign of life to the heartbeat only, every five minutes", () => {
    assert.deepEqual(receiversOf({ alertname: "Watchdog", severity: "none" }), ["hook"]);
    const [watchdog] = alertmanagerConfig(alertmanager).route.routes;
    assert.equal(watchdog?.repeat_interval, "5m");
    assert.equal(alertmanagerConfig(NONE).route.routes[0]?.receiver, "nobody");
  });

  it("groups by what is wrong where, and repeats as configured", () => {
    const { group_by, repeat_interval } = alertmanagerConfig(alertmanager).route;
    assert.deepEqual(group_by, ["namespace", "alertname"]);
    assert.equal(repeat_interval, "6h");
  });

  it("names receivers that exist only", () => {
    for (const settings of [alertmanager, NONE]) {
      const { route, receivers } = alertmanagerConfig(settings);
      const names = receivers.map(({ name }) => name);
      for (const { receiver } of [route, ...route.routes]) assert.ok(names.includes(receiver), receiver);
      assert.equal(new Set(names).size, names.length);
    }
  });

  it("silences what is less bad about the same thing", () => {
    const [first] = alertmanagerConfig(alertmanager).inhibit_rules;
    assert.deepEqual(first, {
      source_matchers: ['severity="critical"'],
      target_matchers: ['severity=~"warning|info"'],
      equal: ["namespace", "alertname"],
    });
  });
});

describe("Receivers", () => {
  it("read their secrets from files", () => {
    const [, ...receivers] = alertmanagerConfig(alertmanager).receivers;
    const file = (name: string) => `/etc/alertmanager/secrets/alertmanager-receivers/${name}`;
    const texts = new Map(receivers.map((receiver) => [receiver.name, JSON.stringify(receiver)]));
    assert.ok(texts.get("oncall")?.includes(`"routing_key_file":"${file("oncall")}"`));
    assert.ok(texts.get("team")?.includes(`"api_url_file":"${file("team")}"`));
    assert.ok(texts.get("hook")?.includes(`"url_file":"${file("hook")}"`));
    assert.ok(texts.get("login")?.includes(`"auth_password_file":"${file("login")}"`));
    assert.doesNotMatch(texts.get("mail") ?? "", /_file/);
    for (const name of ["mail", "login"]) assert.match(texts.get(name) ?? "", /"require_tls":true/);
  });

  it("send what is over, and the runbook with what is not", () => {
    const [, ...receivers] = alertmanagerConfig(alertmanager).receivers;
    for (const { name, ...kinds } of receivers) {
      const [config] = Object.values(kinds)[0] as { send_resolved: boolean; text?: string }[];
      assert.equal(config?.send_resolved, true, name);
      if ("slack_configs" in kinds) assert.match(config?.text ?? "", /\.Annotations\.runbook_url/);
    }
  });

  it("need a secret, but for mail without a user", () => {
    assert.deepEqual(secretNames(alertmanager), ["hook", "login", "oncall", "team"]);
    assert.equal(needsSecret({ type: "pagerduty" }), true);
    assert.deepEqual(secretNames(NONE), []);
  });
});

describe("Checks of monitoring", () => {
  it("find nothing wrong with settings that go together", () => {
    assert.deepEqual(monitoringProblems(SETTINGS), []);
    assert.deepEqual(monitoringProblems({ ...SETTINGS, alertmanager: NONE }), []);
    assert.deepEqual(receiverSecretProblems(SETTINGS, ["hook", "login", "oncall", "team"]), []);
  });

  it("refuse receivers that do not exist, and those that nothing names", () => {
    const problems = monitoringProblems({
      ...SETTINGS,
      alertmanager: {
        ...NONE,
        receivers: { team: { type: "webhook" } },
        routes: { critical: ["people"], warning: [], info: [] },
        heartbeat: "snitch",
      },
    });
    const expected = "a receiver of monitoring.alertmanager.receivers (team)";
    const path = ["monitoring", "alertmanager"];
    assert.deepEqual(problems, [
      { path: [...path, "routes", "critical", "0"], expected, received: "people" },
      { path: [...path, "heartbeat"], expected, received: "snitch" },
      {
        path: [...path, "receivers", "team"],
        expected: "a receiver that a severity of monitoring.alertmanager.routes or the heartbeat names",
        received: "team",
      },
    ]);
  });

  it("refuse a missing secret and one too many, and print neither", () => {
    const problems = receiverSecretProblems(SETTINGS, ["hook", "login", "team", "mail"]);
    assert.deepEqual(
      problems.map(({ path, received }) => [path.join("."), received]),
      [
        ["receivers.oncall", undefined],
        ["receivers.mail", "[secret]"],
      ],
    );
    assert.match(problems[0]?.expected ?? "", /pulumi config set --secret --path yolo:receivers\.oncall/);
  });
});
