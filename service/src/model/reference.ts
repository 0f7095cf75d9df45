import { StartError } from "../errors.ts";

/** A model as the operator names it: what it is called, where it is, and what it must be. */
export interface ModelReference {
  /** Letters, digits, `.`, `_` and `-`. */
  name: string;
  /** A `file:`, `https:` or `s3:` address. It may hold a secret in its query: print it by `placeOf` only. */
  uri: URL;
  /** 64 lower-case hexadecimal digits. */
  sha256: string;
}

const SHAPE = "NAME=URI@sha256:HEX";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const SCHEMES = "a file:///, https:// or s3:// address";

/**
 * Reads the models of the setting `MODELS`: entries `NAME=URI@sha256:HEX` with commas between, the default one first.
 * @throws StartError with one line for each problem; none of them repeats a query or a password
 */
export function parseModels(text: string): ModelReference[] {
  const problems: string[] = [];
  const references = text.split(",").map((entry, index) => {
    const { problems: found, reference } = parseEntry(entry.trim(), index + 1);
    problems.push(...found);
    return reference;
  });
  const names = references.map(({ name }) => name);
  for (const name of new Set(names.filter((name, index) => NAME.test(name) && names.indexOf(name) !== index))) {
    problems.push(`model ${name}: expected each name once, but it is given to several models`);
  }
  if (problems.length > 0) throw new StartError(problems.join("\n"));
  return references.filter((reference): reference is ModelReference => reference.uri !== undefined);
}

/** The address of a model as it may be printed: without its query, which may be a signature. */
export function placeOf(uri: URL): string {
  const path = uri.protocol === "file:" ? `//${uri.pathname}` : `//${uri.host}${uri.pathname}`;
  return `${uri.protocol}${path}${uri.search === "" ? "" : "?…"}`;
}

type Draft = Omit<ModelReference, "uri"> & { uri: URL | undefined };

function parseEntry(entry: string, place: number): { problems: string[]; reference: Draft } {
  const parts = /^(?<name>[^=]*)=(?<uri>.*?)(?:@sha256:(?<sha256>[^@]*))?$/s.exec(entry)?.groups;
  // What stands before the first "=" may be half an address, with a password in it.
  const name = parts?.name !== undefined && !/[/:@?]/.test(parts.name) ? parts.name.trim() : "";
  const sha256 = parts?.sha256?.trim() ?? "";
  if (parts === undefined || name === "") {
    const but = entry === "" ? "is empty" : "has no name in front";
    const problem = `entry ${place}: expected ${SHAPE}, but it ${but}; a comma inside an address is written %2C`;
    return { problems: [problem], reference: { name: "", uri: undefined, sha256 } };
  }
  const problems: string[] = [];
  if (!NAME.test(name)) {
    const rule = "letters, digits, '.', '_' and '-', 128 at most, a letter or digit first";
    problems.push(`model ${JSON.stringify(name)}: expected a name of ${rule}`);
  }
  const uri = parseAddress(parts.uri?.trim() ?? "");
  if (typeof uri === "string") problems.push(`model ${name}: ${uri}`);
  if (parts.sha256 === undefined) {
    problems.push(`model ${name}: expected ${SHAPE}, but it ends without a digest; sha256sum FILE prints it`);
  } else if (!/^[0-9a-f]{64}$/.test(sha256)) {
    problems.push(
      `model ${name}: expected 64 lower-case hexadecimal digits after @sha256: but received ${JSON.stringify(sha256)}`,
    );
  }
  return { problems, reference: { name, sha256, uri: typeof uri === "string" ? undefined : uri } };
}

/** The address, or what is wrong with it: said without repeating what could be a secret. */
function parseAddress(text: string): URL | string {
  if (text === "") return `expected ${SCHEMES}, but there is none`;
  if (text.startsWith("/")) return `expected ${SCHEMES} but received a path; write file://${text.split("?")[0]}`;
  if (!URL.canParse(text)) return `expected ${SCHEMES}, but what is given is not a URL`;
  const uri = new URL(text);
  if (uri.username !== "" || uri.password !== "") return "expected an address without a user name or password in it";
  if (uri.hash !== "") return `expected an address without a fragment (#…); write a # in a name as %23`;
  switch (uri.protocol) {
    case "file:":
      if (!text.startsWith("file:///") || uri.search !== "") return "expected file:///PATH with an absolute path";
      return decodable(uri);
    case "https:":
      return uri;
    case "http:":
      return "expected https: but received http:, by which anyone on the way can read the address and delay the file";
    case "s3:":
      if (uri.host === "" || uri.pathname.length < 2 || uri.search !== "") return "expected s3://BUCKET/KEY";
      return decodable(uri);
    default:
      return `expected ${SCHEMES} but received ${uri.protocol}`;
  }
}

function decodable(uri: URL): URL | string {
  try {
    decodeURIComponent(uri.pathname);
    return uri;
  } catch {
    return "expected a path in which a % is written %25";
  }
}
