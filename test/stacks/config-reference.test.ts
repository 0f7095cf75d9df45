import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { configReference } from "../../local/config-reference.ts";
import { ROOT } from "../../local/paths.ts";
import { STACK_SCHEMAS } from "../../stacks/config/index.ts";
import { type JsonSchema, stackSections } from "../../stacks/config/json-schema.ts";
import { withReference } from "../../stacks/config/reference.ts";

/** Longest description: a sentence or two that an editor shows beside a key. */
const DESCRIPTION_LENGTH = 170;

/** Every key of a schema, by its path. */
function keys(path: string, schema: JsonSchema): [string, JsonSchema][] {
  const { properties = {}, additionalProperties, items, anyOf = [], oneOf = [] } = schema;
  return [
    ...Object.entries(properties).flatMap(([name, child]): [string, JsonSchema][] => [
      [`${path}.${name}`, child],
      ...keys(`${path}.${name}`, child),
    ]),
    ...(additionalProperties ? keys(`${path}.NAME`, additionalProperties) : []),
    ...(items === undefined ? [] : keys(`${path}[]`, items)),
    ...[...anyOf, ...oneOf].flatMap((option) => keys(path, option)),
  ];
}

describe("the reference of the configuration", () => {
  it("is what its files hold", async () => {
    for (const [path, text] of Object.entries(await configReference())) {
      const held = await readFile(join(ROOT, path), "utf8").catch(() => "");
      assert.ok(
        held === text,
        `Expected ${path} as the schemas of stacks/config say: run \`npm run config:reference\``,
      );
    }
  });

  it("says of every key what it means, in a sentence", () => {
    const all = stackSections(STACK_SCHEMAS).flatMap(({ name, schemas }) =>
      Object.entries(schemas).flatMap(([target, schema]): [string, JsonSchema][] => {
        const path = `${name} (${target})`;
        return [[path, schema], ...keys(path, schema)];
      }),
    );
    assert.ok(all.length > 250, `Expected all keys but received ${all.length}`);
    const poor = all
      .filter(([, { description = "" }]) => !/^[A-Z].*\.$/.test(description) || description.length > DESCRIPTION_LENGTH)
      .map(([path, { description }]) => `${path}: ${description}`);
    assert.deepEqual(poor, []);
  });
});

describe("withReference", () => {
  const schema = z.strictObject({
    shop: z
      .strictObject({
        name: z.string().default("corner").describe("What stands above the door."),
        door: z
          .discriminatedUnion("kind", [
            z.strictObject({ kind: z.literal("open").describe("No door.") }),
            z.strictObject({
              kind: z.literal("swing").describe("It swings."),
              width: z.int().min(60).max(200).describe("Width in cm."),
              lock: z.boolean().default(true).describe("Whether it locks."),
            }),
            z.strictObject({
              kind: z.literal("slide").describe("It slides."),
              lock: z.boolean().default(true).describe("Whether it locks."),
            }),
          ])
          .prefault({ kind: "open" })
          .describe("How people | goods <both> get *in*, or `<none>`."),
        hours: z
          .record(z.string(), z.array(z.int().min(0).max(24)).min(2).max(2))
          .default({})
          .describe("By day."),
        prices: z
          .array(z.enum(["1", "two"]))
          .default(["1"])
          .describe("Prices."),
      })
      .prefault({})
      .describe("A shop."),
    open: z.boolean().describe("Whether it is open."),
    key: z.string().optional().meta({ description: "It opens.", secret: true }),
  });
  const sections = stackSections({ town: schema });

  it("writes a table for each section, and keeps what stands around it", () => {
    const document = "# Shop\n\n<!-- config:shop -->\nold\n<!-- /config:shop -->\n\nA note.\n";
    assert.equal(
      withReference(document, "mall", sections),
      `# Shop

<!-- config:shop -->
A shop. Target: \`town\`. May be left out.

| key | values | default | meaning |
| --- | --- | --- | --- |
| \`name\` | text | \`corner\` | What stands above the door. |
| \`door\` | | \`kind: open\` | How people \\| goods \\<both> get \\*in\\*, or \`<none>\`. |
| \`door.kind: open\` | | | No door. |
| \`door.kind: swing\` | | | It swings. |
| \`door.width\` | 60 to 200 | required | Width in cm. |
| \`door.kind: slide\` | | | It slides. |
| \`door.lock\` | \`true\`, \`false\` | \`true\` | With \`swing\` or \`slide\`: Whether it locks. |
| \`hours\` | map by: text; each: list, 2 to 2, of: 0 to 24 | | By day. |
| \`prices\` | list of: \`"1"\`, \`two\` | \`["1"]\` | Prices. |
<!-- /config:shop -->

A note.

## mall:open

<!-- config:open -->
Target: \`town\`. Required.

| key | values | default | meaning |
| --- | --- | --- | --- |
| \`mall:open\` | \`true\`, \`false\` | required | Whether it is open. |
<!-- /config:open -->

## mall:secrets

<!-- config:secrets -->
| key | targets | default | meaning |
| --- | --- | --- | --- |
| \`mall:key\` | \`town\` | | It opens. |
<!-- /config:secrets -->
`,
    );
  });

  it("changes nothing when it is run again", () => {
    const once = withReference("# Shop\n", "mall", sections);
    assert.equal(withReference(once, "mall", sections), once);
  });

  it("refuses a place for a section that does not exist, and a second place for one", () => {
    const place = (name: string) => `<!-- config:${name} -->\n<!-- /config:${name} -->\n`;
    assert.throws(
      () => withReference(place("cellar"), "mall", sections),
      /Expected a place for each section once \(shop, open, secrets\) for docs\/config.md but received <!-- config:cellar -->/,
    );
    assert.throws(
      () => withReference(place("shop") + place("shop"), "mall", sections),
      /received <!-- config:shop -->/,
    );
  });
});
