import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type LaunchOptions } from "playwright-core";
import { CACHE_DIR } from "../../local/paths.ts";
import { extractDebianPackages, fetchDebianPackages } from "../../local/toolchain/debian.ts";
import { findOrMake } from "../../local/toolchain/make-folder.ts";
import { SYSTEM_PACKAGES } from "../../local/toolchain/pins.ts";

/** Chromium, and fonts so that text in it has a shape and a width. */
const PACKAGES = ["chromium", "fonts-inter", "fonts-jetbrains-mono", "fonts-dejavu-core"] as const;

/** Name of the file that says where the fonts are. */
const FONTS = "fonts.conf";

/** A new profile for each start, and nothing that a machine without internet would wait for. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a test changes about the browser. */
export interface BrowserOptions {
  /** Flags of Chromium beyond those that every test needs. */
  args?: readonly string[];
  /** Width and height of the window in CSS pixels. Defaults to 1280 x 800. */
  viewport?: { width: number; height: number };
  /** Whether it is a phone: touch instead of a mouse, and a viewport that follows the page's meta element. */
  phone?: boolean;
  /** Colours that the person prefers. Defaults to light. */
  colorScheme?: "light" | "dark";
  /** Pixels of the screen for each CSS pixel. Defaults to 1. */
  deviceScaleFactor?: number;
  /** What pages may use without asking. */
  permissions?: readonly string[];
}

/** A browser with a profile of its own. */
export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

/**
 * Starts headless Chromium; Debian's package, extracted below the cache the first time, so that the system is not changed.
 * @throws UserError when apt's sources do not answer
 */
export async function startBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const { args = [], viewport = { width: 1280, height: 800 }, phone = false, permissions = [] } = options;
  const root = await chromiumFolder();
  const profile = await mkdtemp(join(tmpdir(), "yolo-browser-"));
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const libraries = [`usr/lib/${triplet}`, `lib/${triplet}`, `usr/lib/${triplet}/pulseaudio`, "usr/lib/chromium"];
  const launch: LaunchOptions = {
    executablePath: executable(root),
    headless: true,
    args: [...FLAGS, ...args],
    env: {
      ...process.env,
      HOME: profile,
      XDG_CACHE_HOME: join(profile, "cache"),
      XDG_CONFIG_HOME: join(profile, "config"),
      LD_LIBRARY_PATH: libraries.map((folder) => join(root, folder)).join(":"),
      FONTCONFIG_FILE: join(root, FONTS),
    },
  };
  const removeProfile = () => rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  try {
    const context = await chromium.launchPersistentContext(join(profile, "profile"), {
      ...launch,
      viewport,
      permissions: [...permissions],
      hasTouch: phone,
      isMobile: phone,
      deviceScaleFactor: options.deviceScaleFactor ?? 1,
      colorScheme: options.colorScheme ?? "light",
    });
    return { context, close: () => context.close().then(removeProfile) };
  } catch (error) {
    await removeProfile();
    throw error;
  }
}

/** The folder with the extracted packages, which clones share. */
async function chromiumFolder(): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "debian";
  const key = createHash("sha256")
    .update(JSON.stringify([PACKAGES, SYSTEM_PACKAGES]))
    .digest("hex")
    .slice(0, 12);
  const folder = join(CACHE_DIR, "tools", `chromium-${release}-${process.arch}-${key}`);
  const signal = AbortSignal.timeout(15 * 60_000);
  return findOrMake({
    folder,
    // Someone may have deleted part of the cache: it says of itself that this is safe.
    find: async () =>
      [executable(folder), join(folder, FONTS)].every((path) => existsSync(path)) ? folder : undefined,
    fill: async (into, scratch) => {
      const options = { signal, dependencies: true, exclude: SYSTEM_PACKAGES };
      const packages = await fetchDebianPackages(PACKAGES, join(scratch, "debs"), options);
      await extractDebianPackages(packages, into, signal);
      await writeFile(join(into, FONTS), fontsConfiguration(folder));
    },
    signal,
    progress: () => {},
  });
}

function executable(root: string): string {
  return join(root, "usr", "lib", "chromium", "chromium");
}

/** Only the fonts beside Chromium, so that a screenshot looks the same on every machine. */
function fontsConfiguration(dir: string): string {
  const aliases = Object.entries({ "sans-serif": "Inter", "system-ui": "Inter", monospace: "JetBrains Mono" }).map(
    ([name, font]) => `<alias binding="same"><family>${name}</family><prefer><family>${font}</family></prefer></alias>`,
  );
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>${join(dir, "usr", "share", "fonts")}</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
${aliases.join("\n")}
</fontconfig>
`;
}
