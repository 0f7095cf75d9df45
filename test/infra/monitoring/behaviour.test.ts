import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ruleSpec } from "../../../infra/monitoring/alerts.ts";
import { COST_SERIES } from "../../../infra/monitoring/cost-rules.ts";
import { detectorGroups } from "../../../infra/monitoring/detector-rules.ts";
import { platformGroups } from "../../../infra/monitoring/platform-rules.ts";
import { DETECTOR, MONITORING, SETTINGS } from "./fixture.ts";
import { CUT_BY_MIG, MINUTES, seriesOf, WORLDS } from "./worlds.ts";

const ENGINE = join(import.meta.dirname, "prometheus");
const BUILD_LIMIT_MS = 300_000;

const GROUPS = [...detectorGroups(DETECTOR, SETTINGS.slo), ...platformGroups(MONITORING)];
const RECORDINGS = GROUPS.flatMap(({ recordings = [] }) => recordings);
const ALERTS = GROUPS.flatMap(({ alerts = [] }) => alerts);

interface Answers {
  Problems: string[];
  Results: Record<string, Record<string, string[]>>;
}

/** A query with each recorded series replaced by what it records, as there is nothing that records here. */
function inlined(query: string): string {
  const prices = RECORDINGS.filter(({ name }) => name === COST_SERIES.price)
    .map(
      ({ expression, labels }) => `label_replace(${expression}, "instance_type", "${labels?.instance_type}", "", "")`,
    )
    .join(" or ");
  // Longer names first, and the price last, which the others contain.
  return [...RECORDINGS]
    .filter(({ name }) => name !== COST_SERIES.price)
    .reverse()
    .reduce((text, { name, expression }) => {
      const selector = new RegExp(`${name}(?![\\w:])(?:\\{[^}]*\\})?`, "g");
      return text.replace(selector, () => `(${expression})`);
    }, query)
    .replaceAll(COST_SERIES.price, `(${prices})`);
}

describe("Alerts, evaluated by Prometheus' own engine", function () {
  this.timeout(BUILD_LIMIT_MS);
  let folder: string;
  let answers: Answers;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), "yolo-prometheus-"));
    const binary = join(folder, "evaluate");
    // Tests fetch nothing: without the modules in Go's cache this fails at once.
    const environment = { ...process.env, GOPROXY: "off", GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local" };
    const built = spawnSync("go", ["test", "-c", "-o", binary, "."], {
      cwd: ENGINE,
      env: environment,
      encoding: "utf8",
      timeout: BUILD_LIMIT_MS,
    });
    if (built.status !== 0) {
      const reason = built.error?.message ?? built.stderr.split("\n")[0];
      console.log(`      Skipped: ${reason}\n      Needs Go, and once: go -C ${ENGINE} mod download`);
      this.skip();
    }
    const queries = [
      ...ALERTS.map(({ name, labels, expression }) => [[name, labels?.window].filter(Boolean).join(" "), expression]),
      ...RECORDINGS.filter(({ name }) => name === COST_SERIES.node || name === COST_SERIES.idle).map(
        ({ name, expression }) => [name, expression],
      ),
    ].map(([name, expression = ""]) => [name, inlined(expression)]);
    const input = {
      Rules: ruleSpec(GROUPS, SETTINGS.runbookUrl),
      Worlds: Object.fromEntries(WORLDS.map((world) => [world.name, seriesOf(world)])),
      Queries: Object.fromEntries(queries),
      Seconds: MINUTES * 60,
    };
    const [INPUT, OUTPUT] = [join(folder, "input.json"), join(folder, "output.json")];
    writeFileSync(INPUT, JSON.stringify(input));
    const run = spawnSync(binary, [], { cwd: folder, env: { ...process.env, INPUT, OUTPUT }, encoding: "utf8" });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    answers = JSON.parse(readFileSync(OUTPUT, "utf8")) as Answers;
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("stand in a file that Prometheus reads, with templates that it can fill in", () => {
    assert.deepEqual(answers.Problems, []);
  });

  it("each fire in a world of their own", () => {
    const fired = new Set(WORLDS.flatMap(({ alerts }) => alerts).map((name) => name.split(" ")[0]));
    const never = ALERTS.filter(({ name }) => !fired.has(name)).map(({ name }) => name);
    assert.deepEqual(never, []);
  });

  for (const { name, alerts } of WORLDS) {
    it(`${alerts.length === 0 ? "are silent" : `are ${alerts.join(", ")}`} where ${name}`, () => {
      const results = Object.keys(answers.Results[name] ?? {}).filter((query) => query.startsWith("Yolo"));
      assert.deepEqual(results.sort(), [...alerts].sort());
    });
  }

  it("know what nodes and idle GPUs cost", () => {
    const results = answers.Results["all is well"] ?? {};
    const values = (name: string) => (results[name] ?? []).map((text) => Number(/=> ([\d.]+)/.exec(text)?.[1])).sort();
    assert.deepEqual(values(COST_SERIES.node), [0.1008, 0.8048, 0.8048]);
    assert.deepEqual(values(COST_SERIES.idle), [0.48288, 0.8048]);
    assert.equal(answers.Results[CUT_BY_MIG]?.[COST_SERIES.idle], undefined);
  });
});
