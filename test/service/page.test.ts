import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Locator, Page } from "playwright-core";
import type { Detection, ImageResult, PredictResponse, StreamMessage } from "../../service/contract.ts";
import { type Browser, startBrowser } from "../support/browser.ts";
import {
  assertAccessible,
  assertFits,
  assertQuiet,
  cameraFlags,
  edgeShare,
  filmFrames,
  PHOTO,
  startService,
  type Visit,
  visit,
} from "./page-visit.ts";
import { startApp } from "./running-app.ts";
import { FIXTURES, modelEntry, sha256 } from "./support.ts";

/** A name that a shell must not misread. */
const NAME = "it's a $street.jpg";

/** The sentences of the list of findings. */
function listed(page: Page): Promise<string[]> {
  return page.locator("#list li").allInnerTexts();
}

/** The colour of an entry in the list, or of a class. */
async function colourOf(entry: Locator): Promise<string> {
  return /#[0-9a-f]{6}/.exec((await entry.getAttribute("style")) ?? "")?.[0] ?? "none";
}

/** Gives photos to the page, and waits until it says how many objects the last one has. */
async function choose(page: Page, ...paths: string[]): Promise<void> {
  await page.locator("#files").setInputFiles(paths);
  await page.locator("#strip li:last-child .badge").waitFor();
}

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

describe("the page in a browser", function () {
  this.timeout(120_000);
  let folder: string;
  let photo: string;
  let service: Awaited<ReturnType<typeof startService>>;
  let browser: Browser;
  let seen: Visit;
  let page: Page;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-page-"));
    photo = join(folder, NAME);
    const film = join(folder, "film.mjpeg");
    await copyFile(PHOTO, photo);
    await writeFile(film, Buffer.concat(await filmFrames()));
    service = await startService();
    browser = await startBrowser({
      args: cameraFlags(film),
      permissions: ["clipboard-read", "clipboard-write"],
    });
  });
  after(async () => {
    await browser?.close();
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What `/predict` says of the photo. */
  async function predicted(query: string): Promise<ImageResult> {
    const headers = { "content-type": "image/jpeg" };
    const body = Uint8Array.from(await readFile(PHOTO));
    const response = await fetch(`${service.address}/predict?${query}`, {
      method: "POST",
      headers,
      body,
    });
    const { images } = (await response.json()) as PredictResponse;
    return images[0] as ImageResult;
  }

  describe("of a desktop", () => {
    beforeEach(async () => {
      seen = await visit(browser.context, service.address);
      page = seen.page;
    });
    afterEach(async () => {
      await page.close();
      assertQuiet(seen, service.address);
    });

    it("lists and draws what /predict finds in a chosen photo", async () => {
      await choose(page, photo);
      const { results, shape } = await predicted("conf=0.25");
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
      const { results, shape } = await predicted("conf=0.25");
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
      const { stdout } = await execa("bash", ["-c", command], { cwd: folder });
      const { images } = JSON.parse(stdout) as PredictResponse;
      const expected = (await predicted("conf=0.4")).results.filter(({ name }) => name !== "person");
      assert.ok(expected.length > 0);
      assert.deepEqual(images[0]?.results, expected);
      assert.equal((await listed(page)).length, expected.length);
      await page.getByRole("button", { name: "Copy JSON" }).click();
      await page.locator("#copy-json", { hasText: "Copied" }).waitFor();
      const copied = JSON.parse(String(await page.evaluate("navigator.clipboard.readText()"))) as ImageResult;
      assert.deepEqual(copied.results, expected);
    });

    it("can be used by keyboard alone, with a ring around what has the focus", async () => {
      await tabTo(page, "#files");
      const chooser = page.waitForEvent("filechooser");
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

    it("says what is wrong with a file, by the service's own code, and goes on", async () => {
      await writeFile(join(folder, "note.jpg"), "this is no picture");
      await choose(page, join(folder, "note.jpg"));
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
  });

  it("shows the interfaces at /docs, accessibly and from the service alone", async () => {
    const docs = await visit(browser.context, `${service.address}/docs`);
    assert.ok(await docs.page.getByText("/predict").first().isVisible());
    await assertAccessible(docs.page);
    await docs.page.close();
    assertQuiet(docs, service.address);
  });

  it("asks for an API key where one is needed, and for the model where there are several", async () => {
    const keys = join(folder, "keys");
    await writeFile(keys, `page:${sha256(Buffer.from("open-sesame"))}\n`);
    const models = ["segment-raw", "pose-raw"].map((name) => modelEntry(name, join(FIXTURES, `colours-${name}.onnx`)));
    const guarded = await startService({ API_KEYS_FILE: keys, MODELS: models.join(",") });
    const guest = await visit(browser.context, guarded.address);
    try {
      await guest.page.getByLabel("This service asks for an API key").fill("open-sesame");
      await guest.page.getByRole("button", { name: "Use it" }).click();
      await guest.page.getByLabel("Model").selectOption("pose-raw");
      await choose(guest.page, photo);
      const command = (await guest.page.locator("#command").textContent()) ?? "";
      assert.ok(command.includes("model=pose-raw") && command.includes('-H "x-api-key: $YOLO_API_KEY"'), command);
      const env = { YOLO_API_KEY: "open-sesame" };
      const { stdout } = await execa("bash", ["-c", command], { cwd: folder, env });
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
      const call = await visit(phone.context, service.address);
      await assertFits(call.page);
      await assertAccessible(call.page);
      await call.page.getByRole("button", { name: "Try a sample" }).tap();
      await call.page.locator("#strip .badge").waitFor();
      assert.equal((await listed(call.page)).length, (await predicted("conf=0.25")).results.length);
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
      assertQuiet(call, service.address);
    } finally {
      await phone.close();
    }
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
