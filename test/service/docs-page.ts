import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../local/paths.ts";

/** A block of code of a page; `info` is what stands behind its language. */
export interface CodeBlock {
  language: string;
  info: string;
  code: string;
}

/** A page of `docs/`, read so that a test can hold it against the service. */
export class DocsPage {
  readonly #text: string;
  readonly blocks: readonly CodeBlock[];

  private constructor(text: string) {
    this.#text = text;
    this.blocks = [...text.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map(
      ([, language = "", info = "", code = ""]) => ({ language, info: info.trim(), code }),
    );
  }

  /** Reads a page by its name in `docs/`. */
  static async read(name: string): Promise<DocsPage> {
    return new DocsPage(await readFile(join(ROOT, "docs", name), "utf8"));
  }

  /** Whether a text is on the page. */
  includes(text: string): boolean {
    return this.#text.includes(text);
  }

  /** The rows of the first table below a heading, cell by cell and without backticks; its head is left out. */
  tableBelow(heading: string): string[][] {
    const lines = this.#text.split(`\n${heading}\n`)[1]?.split("\n") ?? [];
    const start = lines.findIndex((line) => line.startsWith("| ---"));
    const rows = lines.slice(start + 1);
    const end = rows.findIndex((line) => !line.startsWith("|"));
    return rows.slice(0, end === -1 ? rows.length : end).map((line) => {
      return line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", ""));
    });
  }
}
