import assert from "node:assert/strict";
import {
  BURN_WINDOWS,
  type BurnWindow,
  burnRate,
  daysToExhaustion,
  errorBudget,
  errorThreshold,
  fires,
  hoursToAlert,
  LOWEST_OBJECTIVE_PERCENT,
} from "../../../infra/monitoring/slo.ts";
import { SETTINGS } from "./fixture.ts";

const [FAST, SLOW, TICKET] = BURN_WINDOWS as readonly [BurnWindow, BurnWindow, BurnWindow];

/** Budget of 99.9 %. */
const BUDGET = 0.001;

describe("Burn rates", () => {
  it("are those of the Site Reliability Workbook, table 5-8", () => {
    assert.deepEqual(
      BURN_WINDOWS.map((window) => [window.severity, window.long, window.short, burnRate(window)]),
      [
        ["critical", "1h", "5m", 14.4],
        ["critical", "6h", "30m", 6],
        ["warning", "3d", "6h", 1],
      ],
    );
  });

  it("have short windows of a twelfth of the long ones", () => {
    const hours = { "5m": 1 / 12, "30m": 0.5, "1h": 1, "6h": 6, "3d": 72 };
    for (const { long, short } of BURN_WINDOWS) assert.ok(Math.abs(hours[long] / hours[short] - 12) < 1e-9);
  });

  it("take the budget from what the objective leaves", () => {
    assert.equal(errorBudget("availability", SETTINGS.slo), 0.001);
    assert.equal(errorBudget("latency", SETTINGS.slo), 0.01);
  });

  it("set thresholds without noise of binary fractions", () => {
    assert.deepEqual(
      BURN_WINDOWS.map((window) => errorThreshold(window, BUDGET)),
      [0.0144, 0.006, 0.001],
    );
  });

  it("say how long the budget lasts", () => {
    assert.deepEqual([14.4, 6, 1].map(daysToExhaustion), [2.08333, 5, 30]);
  });
});

describe("Budget alerts", () => {
  it("fire above the threshold in both windows only", () => {
    assert.equal(fires(FAST, BUDGET, { long: 0.0145, short: 0.02 }), true);
    assert.equal(fires(FAST, BUDGET, { long: 0.0144, short: 0.02 }), false, "at the threshold");
    assert.equal(fires(FAST, BUDGET, { long: 0.5, short: 0 }), false, "the incident is over");
    assert.equal(fires(FAST, BUDGET, { long: 0.001, short: 1 }), false, "the incident has just begun");
  });

  it("are as quick as the workbook says: a total outage after less than a minute", () => {
    assert.equal(hoursToAlert(FAST, BUDGET, 1), 0.0144);
    assert.equal(hoursToAlert(SLOW, BUDGET, 1), 0.036);
    assert.equal(hoursToAlert(FAST, BUDGET, 0.1), 0.144);
  });

  it("notice a slow leak late, and none at what is allowed", () => {
    assert.equal(hoursToAlert(FAST, BUDGET, 0.002), undefined);
    assert.equal(hoursToAlert(SLOW, BUDGET, 0.002), undefined);
    assert.equal(hoursToAlert(TICKET, BUDGET, 0.002), 36);
    assert.equal(hoursToAlert(TICKET, BUDGET, 0.001), undefined);
  });

  it("spend the share of the budget that they are named by until they fire", () => {
    for (const window of BURN_WINDOWS) {
      const missed = 0.5;
      const hours = hoursToAlert(window, BUDGET, missed) ?? Number.NaN;
      const spent = (hours * missed) / (30 * 24 * BUDGET);
      assert.ok(Math.abs(spent - window.budgetPercent / 100) < 1e-6, `${window.long}: ${spent}`);
    }
  });

  it("can all fire at the lowest objective, and not below it", () => {
    assert.equal(LOWEST_OBJECTIVE_PERCENT, 93.06);
    assert.ok(errorThreshold(FAST, (100 - LOWEST_OBJECTIVE_PERCENT) / 100) < 1);
    assert.ok(errorThreshold(FAST, (100 - LOWEST_OBJECTIVE_PERCENT + 0.01) / 100) > 1);
  });
});
