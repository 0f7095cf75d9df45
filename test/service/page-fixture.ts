import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import type { ImageResult, PredictResponse } from "../../service/contract.ts";
import { type Browser, startBrowser } from "../support/browser.ts";
import { cameraFlags, filmFrames, PHOTO, startService } from "./page-visit.ts";

/** Name of the photo, which a shell must not misread. */
export const NAME = "it's a $street.jpg";

/** A service with the street model, a browser with a camera and a clipboard, and a photo in a folder. */
export interface PageFixture {
  address: string;
  browser: Browser;
  folder: string;
  /** Path of the photo. */
  photo: string;
  close(): Promise<void>;
}

/** Starts all that the tests of the page need. */
export async function startPage(): Promise<PageFixture> {
  const folder = await mkdtemp(join(tmpdir(), "yolo-page-"));
  const ends: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const photo = join(folder, NAME);
    const film = join(folder, "film.mjpeg");
    await copyFile(PHOTO, photo);
    await writeFile(film, Buffer.concat(await filmFrames()));
    const service = await startService();
    ends.push(service.close);
    const permissions = ["clipboard-read", "clipboard-write"];
    const browser = await startBrowser({ args: cameraFlags(film), permissions });
    ends.push(browser.close);
    return { address: service.address, browser, folder, photo, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What `/predict` says of the photo. */
export async function predicted(address: string, query: string): Promise<ImageResult> {
  const headers = { "content-type": "image/jpeg" };
  const body = Uint8Array.from(await readFile(PHOTO));
  const response = await fetch(`${address}/predict?${query}`, { method: "POST", headers, body });
  const { images } = (await response.json()) as PredictResponse;
  return images[0] as ImageResult;
}

/** The entries of the list of findings, as they are read. */
export function listed(page: Page): Promise<string[]> {
  return page.locator("#list li").allInnerTexts();
}

/** Gives photos to the page, and waits until it says how many objects the last one has. */
export async function choose(page: Page, ...paths: string[]): Promise<void> {
  await page.locator("#files").setInputFiles(paths);
  await page.locator("#strip li:last-child .badge").waitFor();
}

/** The colour of an entry in the list, or of a class. */
export async function colourOf(entry: Locator): Promise<string> {
  return /#[0-9a-f]{6}/.exec((await entry.getAttribute("style")) ?? "")?.[0] ?? "none";
}
