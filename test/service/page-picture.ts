import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { ROOT } from "../../local/paths.ts";
import { type BrowserOptions, startBrowser } from "../support/browser.ts";
import { PHOTO, startService } from "./page-visit.ts";

/** Height of the picture of a window, in pixels. */
const HEIGHT = 1010;

/** Pixels between the windows, and around them. */
const GAP = 30;

/** Where the filter stands, in per cent. */
const CONFIDENCE = "40";

const DESKTOP: BrowserOptions = { viewport: { width: 1240, height: HEIGHT } };
const PHONE: BrowserOptions = {
  viewport: { width: 390, height: 844 },
  phone: true,
  colorScheme: "dark",
  deviceScaleFactor: HEIGHT / 844,
};

/**
 * Makes `docs/page.png`, or the file that is named: the page with photos on a desktop and on a phone, as this machine
 * draws and times it.
 */
async function main([file = join(ROOT, "docs", "page.png")]: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "yolo-picture-"));
  const service = await startService({ WORKERS: "2", THREADS: "2" });
  try {
    const photos = await photosIn(folder);
    await warm(service.address);
    const desktop = await shot(service.address, DESKTOP, async (page) => {
      await page.locator("#files").setInputFiles(photos);
      await page.locator("#strip li:last-child .badge").waitFor();
      await page.locator("#strip button").first().click();
      await page.locator("#confidence").fill(CONFIDENCE);
    });
    const phone = await shot(service.address, PHONE, async (page) => {
      await page.getByRole("button", { name: "Try a sample" }).tap();
      await page.locator("#strip .badge").waitFor();
      await page.locator("#confidence").fill(CONFIDENCE);
    });
    await compose([desktop, phone], file);
  } finally {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Asks a few times before anybody looks at times. */
async function warm(address: string): Promise<void> {
  const body = Uint8Array.from(await readFile(PHOTO));
  const headers = { "content-type": "image/jpeg" };
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${address}/predict`, { method: "POST", headers, body });
    if (!response.ok) throw new Error(`Expected an answer but received status ${response.status}.`);
    await response.arrayBuffer();
  }
}

/** The sample, and two parts of it. */
async function photosIn(folder: string): Promise<string[]> {
  const [whole, left, right] = ["street.jpg", "street-left.jpg", "street-right.jpg"].map((name) => join(folder, name));
  if (whole === undefined || left === undefined || right === undefined) return [];
  await copyFile(PHOTO, whole);
  await sharp(PHOTO).extract({ left: 0, top: 160, width: 640, height: 480 }).jpeg().toFile(left);
  await sharp(PHOTO).extract({ left: 640, top: 160, width: 640, height: 480 }).jpeg().toFile(right);
  return [whole, left, right];
}

/** The page in a window of its own, after somebody used it. */
async function shot(address: string, options: BrowserOptions, use: (page: Page) => Promise<void>): Promise<Buffer> {
  const browser = await startBrowser(options);
  try {
    const page = await browser.context.newPage();
    await page.goto(address, { waitUntil: "networkidle" });
    await use(page);
    await page.mouse.move(0, 0);
    // Two frames of the screen: what was last changed is drawn.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}

/** Puts windows side by side, with round corners. */
async function compose(shots: readonly Buffer[], file: string): Promise<void> {
  const layers: { input: Buffer; left: number; top: number }[] = [];
  let left = GAP;
  for (const shot of shots) {
    const { width = 0, height = 0 } = await sharp(shot).metadata();
    const mask = Buffer.from(
      `<svg width="${width}" height="${height}"><rect width="100%" height="100%" rx="18"/></svg>`,
    );
    const input = await sharp(shot)
      .composite([{ input: mask, blend: "dest-in" }])
      .png()
      .toBuffer();
    layers.push({ input, left, top: GAP });
    left += width + GAP;
  }
  await sharp({ create: { width: left, height: HEIGHT + 2 * GAP, channels: 3, background: "#d9dce6" } })
    .composite(layers)
    .png({ palette: true, effort: 10, dither: 0.6 })
    .toFile(file);
}

await main(process.argv.slice(2));
