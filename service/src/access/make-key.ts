/** `node service/src/access/make-key.ts NAME` makes a new API key and prints it with its line for the file of keys. */
import { createHash, randomBytes } from "node:crypto";
import { API_KEY_LINE } from "../../contract.ts";

/** A new random key of 256 bits, and the line by which the service knows it. */
export function makeKey(name: string): { key: string; line: string } {
  const key = `yolo_${randomBytes(32).toString("base64url")}`;
  return { key, line: `${name}:${createHash("sha256").update(key).digest("hex")}` };
}

if (import.meta.main) {
  const [name = "", ...others] = process.argv.slice(2);
  const { key, line } = makeKey(name);
  if (others.length > 0 || !API_KEY_LINE.test(line)) {
    console.error(
      "Usage: node service/src/access/make-key.ts NAME\n" +
        "Expected one name of letters, digits, '.', '_' and '-', 63 at most, a letter or digit first.",
    );
    process.exitCode = 1;
  } else {
    console.log(`Key, for the caller only; it is kept nowhere:\n${key}\nLine, for the file of keys:\n${line}`);
  }
}
