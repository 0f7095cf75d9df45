import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Page } from "playwright-core";
import sharp from "sharp";
import type { Detection, ImageResult, PredictResponse } from "../../service/contract.ts";
import { choose, colourOf, listed, NAME, type PageFixture, predicted, startPage } from "./page-fixture.ts";
import { assertAccessible, assertQuiet, edgeShare, PHOTO, type Visit, visit } from "./page-visit.ts";

/** Presses Tab until an element has the focus; each stop on the way must show that it has it. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    const [there, ring] = (await page.evaluate(`(() => {
      const focused = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused.type === "file" ? focused.labels[0] : focused);
      return [focused.matches(${JSON.stringify(selector)}), outlineStyle === "none" ? 0 : parseFloat(outlineWidth)];
    })()`)) as [boolean, number];
    assert.ok(ring >= 2, `no ring of focus after ${presses + 1} presses on the way to ${selector}`);
    if (there) return;
  }
  assert.fail(`${selector} is not reached by Tab`);
}

describe("the page, for photos", function () {
  this.timeout(120_000);
  let fixture: PageFixture;
  let photo: string;
  let seen: Visit;
  let page: Page;

  before(async () => {
    fixture = await startPage();
    photo = fixture.photo;
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

  it("lists and draws what /predict finds in a chosen photo", async () => {
    await choose(page, photo);
    const { results, shape } = await predicted(fixture.address, "conf=0.25");
    assert.equal(await page.locator("#count").textContent(), `${results.length} objects`);
    const texts = await listed(page);
    assert.equal(texts.length, results.length);
    for (const [i, { name, confidence, box }] of results.entries()) {
      const text = texts[i] ?? "";
      assert.ok(text.startsWith(name), text);
      assert.ok(text.endsWith(`${Math.round(confidence * 100)}%`), text);
      assert.ok(text.includes(`at ${Math.round(box?.x1 ?? 0)}, ${Math.round(box?.y1 ?? 0)}`), text);
    }
    for (const i of [0, 1, 2]) {
      const colour = await colourOf(page.locator("#list .item").nth(i));
      const { box } = results[i] as Detection & { box: NonNullable<Detection["box"]> };
      const share = await edgeShare(page, box, colour, shape[1]);
      // Boxes of other objects and tags cross it.
      assert.ok(share > 0.6, `${share} of the edge of ${texts[i]} is ${colour}`);
    }
    const label = `${NAME}: ${results.length} objects. `;
    await page.getByRole("img", { name: label }).waitFor();
    assert.match((await page.locator("#status").textContent()) ?? "", /objects\..* In \d+ milliseconds\.$/);
  });

  it("takes several photos that are dropped on it, and compares their times", async () => {
    const bytes = (await readFile(PHOTO)).toString("base64");
    const transfer = await page.evaluateHandle(`(() => {
      const bytes = Uint8Array.from(atob("${bytes}"), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      for (const name of ["a.jpg", "b.jpg", "c.jpg"]) transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
      return transfer;
    })()`);
    for (const type of ["dragenter", "dragover"]) await page.dispatchEvent("body", type, { dataTransfer: transfer });
    assert.ok(await page.locator(".drop-hint").isVisible());
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    await page.locator("#strip li:last-child .badge").waitFor();
    assert.equal(await page.locator("#strip li").count(), 3);
    const rows = await page.getByRole("table", { name: "Side by side" }).locator("tbody tr").allInnerTexts();
    const times = rows.map((row) => /^(\w\.jpg)\s+([\d.]+)$/.exec(row)?.slice(1) ?? [row, "none"]);
    assert.deepEqual(
      times.map(([name]) => name),
      ["a.jpg", "b.jpg", "c.jpg"],
    );
    const ordered = times.map(([, time]) => Number(time)).sort((a, b) => a - b);
    assert.ok(
      ordered.every((time) => time > 0),
      ordered.join(),
    );
    const median = (await page.locator("#medians").textContent()) ?? "";
    assert.ok(median.startsWith(`Median ${ordered[1]} ms, `) && median.endsWith(`fastest ${ordered[0]} ms.`), median);
    await page.getByRole("button", { name: /^b\.jpg, \d+ objects$/ }).click();
    await page.getByRole("img", { name: /^b\.jpg: / }).waitFor();
  });

  it("filters by class and by confidence, without asking the service again", async () => {
    await choose(page, photo);
    const requests = seen.asked.length;
    const { results, shape } = await predicted(fixture.address, "conf=0.25");
    const [first] = results as [Detection & { box: NonNullable<Detection["box"]> }];
    const chip = page
      .getByRole("button", { name: new RegExp(`^${first.name} \\d+$`), exact: true })
      .and(page.locator(".chip"));
    const colour = await colourOf(chip);
    assert.ok((await edgeShare(page, first.box, colour, shape[1])) > 0.8);
    await chip.click();
    assert.equal(await chip.getAttribute("aria-pressed"), "false");
    const others = results.filter((one) => one.class !== first.class);
    assert.equal(await page.locator("#count").textContent(), `${others.length} objects`);
    assert.ok((await listed(page)).every((text) => !text.startsWith(first.name)));
    assert.ok((await edgeShare(page, first.box, colour, shape[1])) < 0.2);
    await page.getByRole("slider", { name: "Confidence above" }).fill("60");
    const sure = others.filter(({ confidence }) => confidence > 0.6);
    assert.ok(sure.length > 0 && sure.length < others.length);
    assert.equal((await listed(page)).length, sure.length);
    await page.getByRole("slider", { name: "Confidence above" }).fill("95");
    assert.ok(await page.getByText("Nothing passes these filters.").isVisible());
    assert.equal(seen.asked.length, requests);
  });

  it("copies a curl command and JSON that say what is shown", async () => {
    await choose(page, photo);
    await page.getByRole("slider", { name: "Confidence above" }).fill("40");
    await page.locator(".chip", { hasText: "person" }).click();
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const command = String(await page.evaluate("navigator.clipboard.readText()"));
    const { stdout } = await execa("bash", ["-c", command], { cwd: fixture.folder });
    const { images } = JSON.parse(stdout) as PredictResponse;
    const expected = (await predicted(fixture.address, "conf=0.4")).results.filter(({ name }) => name !== "person");
    assert.ok(expected.length > 0);
    assert.deepEqual(images[0]?.results, expected);
    assert.equal((await listed(page)).length, expected.length);
    await page.getByRole("button", { name: "Copy JSON" }).click();
    await page.locator("#copy-json", { hasText: "Copied" }).waitFor();
    const copied = JSON.parse(String(await page.evaluate("navigator.clipboard.readText()"))) as ImageResult;
    assert.deepEqual(copied.results, expected);
  });

  it("can be used by keyboard alone, with a ring around what has the focus", async () => {
    // Early, because the browser has to be told that nobody wants its dialog.
    const chooser = page.waitForEvent("filechooser");
    await tabTo(page, "#files");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(photo);
    await page.locator("#strip .badge").waitFor();
    const before = await listed(page);
    await tabTo(page, "#confidence");
    for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("#confidence-value").textContent(), "45%");
    const after = await listed(page);
    assert.ok(after.length > 0 && after.length < before.length);
    await tabTo(page, ".chip");
    await page.keyboard.press("Space");
    assert.equal(await page.locator(".chip:focus").getAttribute("aria-pressed"), "false");
    await tabTo(page, ".item");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".item:focus").getAttribute("aria-current"), "true");
    await tabTo(page, "#copy");
    await page.keyboard.press("Enter");
    await page.locator("#copy", { hasText: "Copied" }).waitFor();
    assert.match(String(await page.evaluate("navigator.clipboard.readText()")), /^curl /);
  });

  it("says what is wrong with a file, by the service's own code, and goes on", async () => {
    await writeFile(join(fixture.folder, "note.jpg"), "this is no picture");
    await choose(page, join(fixture.folder, "note.jpg"));
    const alert = page.getByRole("alert");
    assert.match(
      (await alert.textContent()) ?? "",
      /This is no picture that can be read.*YOLO_IMAGE_UNREADABLE, request \S+/s,
    );
    await assertAccessible(page);
    await choose(page, photo);
    assert.ok(!(await alert.isVisible()));
    assert.ok((await listed(page)).length > 0);
    // Chromium itself reports answers that are no success.
    assert.match(seen.complaints.splice(0).join("\n"), /^Failed to load resource: .* status of 4\d\d [^\n]*$/);
  });

  it("is accessible, empty and with findings", async () => {
    await assertAccessible(page);
    await choose(page, photo, photo);
    await assertAccessible(page);
  });

  it("takes a picture that is pasted, and saves it with the boxes in it", async () => {
    const bytes = (await readFile(PHOTO)).toString("base64");
    await page.evaluate(`(() => {
      const bytes = Uint8Array.from(atob("${bytes}"), (letter) => letter.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    })()`);
    await page.locator("#strip .badge").waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save picture" }).click();
    const saved = await download;
    assert.equal(saved.suggestedFilename(), "pasted-found.png");
    const { format, width = 0, height = 0 } = await sharp(await saved.path()).metadata();
    assert.equal(format, "png");
    assert.ok(Math.abs(width / height - 1280 / 720) < 0.01, `${width} x ${height}`);
  });
});
