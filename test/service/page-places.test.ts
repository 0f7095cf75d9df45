import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { PredictResponse } from "../../service/contract.ts";
import { startBrowser } from "../support/browser.ts";
import { choose, listed, type PageFixture, predicted, startPage } from "./page-fixture.ts";
import { assertAccessible, assertFits, assertQuiet, startProxy, startService, visit } from "./page-visit.ts";
import { startApp } from "./running-app.ts";
import { FIXTURES, modelEntry, sha256 } from "./support.ts";

describe("the page, in other places", function () {
  this.timeout(120_000);
  let fixture: PageFixture;

  before(async () => {
    fixture = await startPage();
  });
  after(() => fixture?.close());

  it("shows the interfaces at /docs, accessibly and from the service alone", async () => {
    const docs = await visit(fixture.browser.context, `${fixture.address}/docs`);
    assert.ok(await docs.page.getByText("/predict").first().isVisible());
    await assertAccessible(docs.page);
    await docs.page.close();
    assertQuiet(docs, fixture.address);
  });

  it("asks for an API key where one is needed, and for the model where there are several", async () => {
    const keys = join(fixture.folder, "keys");
    await writeFile(keys, `page:${sha256(Buffer.from("open-sesame"))}\n`);
    const models = ["segment-raw", "pose-raw"].map((name) => modelEntry(name, join(FIXTURES, `colours-${name}.onnx`)));
    const guarded = await startService({ API_KEYS_FILE: keys, MODELS: models.join(",") });
    const guest = await visit(fixture.browser.context, guarded.address);
    try {
      await assertAccessible(guest.page);
      await guest.page.getByLabel("This service asks for an API key").fill("open-sesame");
      await guest.page.getByRole("button", { name: "Use it" }).click();
      await guest.page.getByLabel("Model").selectOption("pose-raw");
      await choose(guest.page, fixture.photo);
      const command = (await guest.page.locator("#command").textContent()) ?? "";
      assert.ok(command.includes("model=pose-raw") && command.includes('-H "x-api-key: $YOLO_API_KEY"'), command);
      const env = { YOLO_API_KEY: "open-sesame" };
      const { stdout } = await execa("bash", ["-c", command], { cwd: fixture.folder, env });
      const { images, metadata } = JSON.parse(stdout) as PredictResponse;
      assert.equal(metadata.task, "pose");
      assert.equal((await listed(guest.page)).length, images[0]?.results.length);
      await guest.page.getByLabel("Model").selectOption("segment-raw");
      const rows = guest.page.getByRole("table", { name: "Side by side" }).locator("tbody tr");
      await rows.nth(1).waitFor();
      const compared = await rows.allInnerTexts();
      for (const [i, name] of ["pose-raw", "segment-raw"].entries()) {
        assert.match(compared[i] ?? "", new RegExp(`street\\.jpg\\s+${name}\\s+[\\d.]+$`));
        const median = (await guest.page.locator("#medians li").nth(i).textContent()) ?? "";
        assert.match(median, new RegExp(`^${name}: [\\d.]+ ms, of which`));
      }
      await guest.page.getByRole("button", { name: "Open camera" }).click();
      while (guest.messages.length < 2) await guest.page.waitForTimeout(50);
      assert.ok(guest.messages.every(({ type }) => type === "result"));
      assert.match(guest.complaints.splice(0).join("\n"), /^Failed to load resource: .* status of 401 [^\n]*$/);
    } finally {
      await guest.page.close();
      await guarded.close();
    }
    assertQuiet(guest, guarded.address);
  });

  it("fits a phone, in the dark too, with everything to touch large enough", async () => {
    const phone = await startBrowser({ viewport: { width: 360, height: 740 }, phone: true, colorScheme: "dark" });
    try {
      const call = await visit(phone.context, fixture.address);
      await assertFits(call.page);
      await assertAccessible(call.page);
      await call.page.getByRole("button", { name: "Try a sample" }).tap();
      await call.page.locator("#strip .badge").waitFor();
      assert.equal((await listed(call.page)).length, (await predicted(fixture.address, "conf=0.25")).results.length);
      await assertFits(call.page);
      await assertAccessible(call.page);
      await call.page.setViewportSize({ width: 320, height: 640 });
      await assertFits(call.page);
      for (const target of await call.page.locator("button:visible, label.button:visible, select:visible").all()) {
        const box = await target.boundingBox();
        assert.ok(
          (box?.height ?? 0) >= 32 && (box?.width ?? 0) >= 44,
          `${await target.textContent()}: ${JSON.stringify(box)}`,
        );
      }
      assertQuiet(call, fixture.address);
    } finally {
      await phone.close();
    }
  });

  it("works below a path of a proxy, with its camera", async () => {
    const proxy = await startProxy(fixture.address, "/detector");
    const guest = await visit(fixture.browser.context, `${proxy.address}/detector/`);
    try {
      await choose(guest.page, fixture.photo);
      const expected = await predicted(fixture.address, "conf=0.25");
      assert.equal((await listed(guest.page)).length, expected.results.length);
      assert.match(
        (await guest.page.locator("#command").textContent()) ?? "",
        /^curl 'http:[^']*\/detector\/predict\?/,
      );
      await guest.page.getByRole("button", { name: "Open camera" }).click();
      while (guest.messages.length < 2) await guest.page.waitForTimeout(50);
      await guest.page.getByRole("button", { name: "Close camera" }).click();
      await guest.page.getByRole("link", { name: "API" }).click();
      await guest.page.getByText("/predict").first().waitFor();
    } finally {
      await guest.page.close();
      await proxy.close();
    }
    assertQuiet(guest, `${proxy.address}/detector`);
  });

  it("is not there with PAGE=off", async () => {
    const { app, close } = await startApp("raw", { PAGE: "off" });
    try {
      for (const url of ["/", "/docs", "/page/x/page.js"]) assert.equal((await app.inject(url)).statusCode, 404, url);
    } finally {
      await close();
    }
  });
});
