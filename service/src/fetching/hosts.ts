import { RequestError } from "../errors.ts";

/**
 * One entry of `FETCH_HOSTS`: `(NAME | *.NAME)[:PORT]`. Tests, whose servers have no certificate, put `http://` before it, which
 * the settings refuse.
 */
interface Host {
  protocol: "http:" | "https:";
  /** In lower case; for `*.NAME` the part from the dot on. */
  name: string;
  /** Whether all names that end in `name` are meant. */
  below: boolean;
  port: string;
}

const ENTRY = /^(?:(https?:)\/\/)?(\*)?([^:/]+)(?::(\d+))?$/;

const PORTS = { "http:": "80", "https:": "443" } as const;

function parseHost(entry: string): Host {
  const [, scheme, star, name = "", port] = ENTRY.exec(entry.toLowerCase()) ?? [];
  const protocol = scheme === "http:" ? "http:" : "https:";
  return { protocol, name, below: star !== undefined, port: port ?? PORTS[protocol] };
}

/** The hosts that images may be fetched from. */
export class AllowedHosts {
  readonly #hosts: readonly Host[];

  /** @param entries as `FETCH_HOSTS` lists them; none allow nothing */
  constructor(entries: readonly string[]) {
    this.#hosts = entries.map(parseHost);
  }

  /**
   * Reads an address that a caller or a redirect gave.
   * @throws RequestError YOLO_URL_REFUSED unless its host, port and protocol are allowed
   */
  check(text: string, base?: URL): URL {
    const url = URL.parse(text, base);
    if (url === null) throw new RequestError("YOLO_URL_REFUSED", "Expected an absolute https: address as source.");
    if (url.username !== "" || url.password !== "") {
      throw new RequestError("YOLO_URL_REFUSED", "Expected an address without a user name and password as source.");
    }
    if (this.#hosts.some((host) => allows(host, url))) return url;
    const reason =
      this.#hosts.length === 0
        ? "Images are not fetched by this service: no host is allowed (FETCH_HOSTS)."
        : "Expected an https: address of an allowed host as source: this host, port or protocol is not (FETCH_HOSTS).";
    throw new RequestError("YOLO_URL_REFUSED", reason);
  }
}

function allows({ protocol, name, below, port }: Host, url: URL): boolean {
  if (url.protocol !== protocol || (url.port || PORTS[protocol]) !== port) return false;
  return below ? url.hostname.endsWith(name) && url.hostname.length > name.length : url.hostname === name;
}
