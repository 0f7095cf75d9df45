import { execa } from "execa";

/** A part of user data in MIME. */
export interface MimePart {
  type: string;
  text: string;
}

/** The parts of user data in MIME, as Python's email package finds them, which cloud-init uses. */
export function mimeParts(text: string): Promise<MimePart[]> {
  return python<MimePart[]>(
    "import email, json, sys; message = email.message_from_string(sys.stdin.read()); " +
      "print(json.dumps([{'type': part.get_content_type(), 'text': part.get_payload(decode=True).decode('us-ascii')} " +
      "for part in message.get_payload()]))",
    text,
  );
}

/** What a text in TOML says. Needs Python 3.11. */
export function tomlOf(text: string): Promise<Record<string, unknown>> {
  return python("import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))", text);
}

async function python<T>(program: string, input: string): Promise<T> {
  return JSON.parse((await execa("python3", ["-c", program], { input })).stdout) as T;
}
