import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { StreamMessage } from "../../service/contract.ts";
import { choose, NAME, type PageFixture, startPage } from "./page-fixture.ts";
import { assertAccessible, assertQuiet, type Visit, visit } from "./page-visit.ts";

describe("the page, with a camera", function () {
  this.timeout(120_000);
  let fixture: PageFixture;
  let seen: Visit;
  let page: Page;

  before(async () => {
    fixture = await startPage();
  });
  after(() => fixture?.close());
  beforeEach(async () => {
    seen = await visit(fixture.browser.context, fixture.address);
    page = seen.page;
  });
  afterEach(async () => {
    await page.close();
    assertQuiet(seen, fixture.address);
  });

  it("streams what the camera sees, and numbers what is in it", async () => {
    await page.getByRole("button", { name: "Open camera" }).click();
    await page.locator("#live-text", { hasText: /^Camera, [1-9]\d*\.\d frames a second$/ }).waitFor();
    while (seen.messages.length < 12) await page.waitForTimeout(50);
    const answers = seen.messages.filter(
      (message): message is StreamMessage & { type: "result" } => message.type === "result",
    );
    assert.equal(answers.length, seen.messages.length);
    for (const [i, { frame, image }] of answers.entries()) {
      assert.ok(frame > (answers[i - 1]?.frame ?? 0));
      assert.deepEqual(image.shape, [549, 960]);
    }
    const ids = answers.map(({ image }) => new Set(image.results.flatMap(({ track_id: id }) => id ?? [])));
    const kept = [...(ids.at(-2) ?? [])].filter((id) => ids.at(-1)?.has(id));
    assert.ok(kept.length >= 4, `${kept.length} numbers were kept`);
    await page
      .locator("#list .name", { hasText: /^(car|truck|bus) #\d+/ })
      .first()
      .waitFor();
    assert.match((await page.locator("#command").textContent()) ?? "", /^const stream = new WebSocket\("ws:/);
    await assertAccessible(page);
    await page.getByRole("button", { name: "Close camera" }).click();
    assert.ok(await page.getByRole("heading", { name: "What is in your photos?" }).isVisible());
  });

  it("goes back to the photo that was looked at", async () => {
    await choose(page, fixture.photo);
    await page.getByRole("button", { name: "Open camera" }).click();
    await page.getByRole("img", { name: /^Camera: [1-9]/ }).waitFor();
    await page.getByRole("button", { name: "Close camera" }).click();
    await page.getByRole("img", { name: `${NAME}: ` }).waitFor();
    assert.match((await page.locator("#command").textContent()) ?? "", /^curl /);
  });

  it("opens the stream again when the service restarts", async () => {
    let opened = 0;
    await page.routeWebSocket(/\/stream\?/, (socket) => {
      const service = socket.connectToServer();
      const first = ++opened === 1;
      let ended = false;
      // Frames that the page sends before it hears of the end have no way to go.
      socket.onMessage((frame) => {
        if (!ended) service.send(frame);
      });
      service.onMessage((message) => {
        if (ended) return;
        socket.send(message);
        if (first && JSON.parse(String(message)).frame === 3) {
          ended = true;
          void service.close();
          void socket.close({ code: 1012, reason: "the service is stopping" });
        }
      });
    });
    // What is routed is so from the next page on.
    await page.reload({ waitUntil: "networkidle" });
    await page.getByRole("button", { name: "Open camera" }).click();
    while (opened < 2) await page.waitForTimeout(50);
    await page.locator("#live-text", { hasText: /^Camera, [1-9]\d*\.\d frames a second$/ }).waitFor();
    assert.ok(!(await page.getByRole("alert").isVisible()));
  });
});
