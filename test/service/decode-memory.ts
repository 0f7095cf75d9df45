import { readFileSync } from "node:fs";
import sharp from "sharp";
import { decodeImage } from "../../service/src/vision/decode.ts";

// Run as a program: decodes one file and prints by how many bytes the peak of the process grew.
const [path = ""] = process.argv.slice(2);
const file = readFileSync(path);
// Everything that is loaded or allocated once.
await decodeImage(
  await sharp({ create: { width: 8, height: 8, channels: 3, background: "#888" } })
    .png()
    .toBuffer(),
  64,
);
// Not `resourceUsage().maxRSS`, which begins with that of the parent process.
const kibibytes = (name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
const before = kibibytes("VmRSS");
const { width, height } = await decodeImage(file, 1_000_000_000);
console.log(JSON.stringify({ bytes: (kibibytes("VmHWM") - before) * 1024, width, height }));
