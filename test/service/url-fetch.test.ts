import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import sharp from "sharp";
import type { ErrorCode } from "../../service/src/errors.ts";
import { RequestError } from "../../service/src/errors.ts";
import { specialUse } from "../../service/src/fetching/addresses.ts";
import { AllowedHosts } from "../../service/src/fetching/hosts.ts";
import { ImageFetcher, type Network } from "../../service/src/fetching/image-fetcher.ts";
import { selfSigned } from "../support/certificate.ts";

const LIMIT_BYTES = 20_000;

describe("specialUse", () => {
  const kinds: Record<string, string[]> = {
    unspecified: ["0.0.0.0", "0.255.255.255", "::"],
    loopback: ["127.0.0.1", "127.255.255.254", "::1"],
    private: ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd00:ec2::254"],
    "carrier-grade NAT": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "link-local": ["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "febf::1"],
    "cloud metadata": ["168.63.129.16"],
    "protocol assignment": ["192.0.0.192", "2001::1", "2001:1ff::1"],
    documentation: ["192.0.2.1", "198.51.100.255", "203.0.113.1", "2001:db8::1", "3fff::1"],
    benchmarking: ["198.18.0.1", "198.19.255.255"],
    "IPv4 in IPv6": [
      "::ffff:8.8.8.8",
      "::ffff:7f00:1",
      "::8.8.8.8",
      "64:ff9b::7f00:1",
      "64:ff9b:1::1",
      "2002:7f00:1::",
    ],
    "6to4 relay": ["192.88.99.1"],
    multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
    reserved: ["240.0.0.1", "255.255.255.255", "4000::1", "5f00::1", "fec0::1", "100::1"],
    unknown: ["fe80::1%eth0", "localhost", "", "1.2.3"],
  };
  for (const [kind, addresses] of Object.entries(kinds)) {
    it(`knows ${kind}`, () => {
      for (const address of addresses) assert.equal(specialUse(address), kind, address);
    });
  }

  it("lets the public internet through, up to the borders of what is special", () => {
    const around = ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"];
    const more = ["1.1.1.1", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "223.255.255.255"];
    const six = ["2000::1", "2001:200::1", "2606:4700:4700::1111", "2003::1", "3ffe::1", "2a00:1450::1"];
    for (const address of [...around, ...more, ...six]) assert.equal(specialUse(address), undefined, address);
  });
});

describe("AllowedHosts", () => {
  const hosts = new AllowedHosts([
    "img.example.com",
    "*.cdn.example.com",
    "alt.example.com:8443",
    "http://plain.example.com",
  ]);
  const refused = (address: string) =>
    assert.throws(
      () => hosts.check(address),
      (error) => error instanceof RequestError && error.code === "YOLO_URL_REFUSED",
      address,
    );

  it("allows listed hosts, names below a star, and listed ports, by https", () => {
    for (const address of [
      "https://img.example.com/a.jpg?b=c",
      "https://IMG.example.com:443/",
      "https://a.cdn.example.com/",
      "https://a.b.cdn.example.com/",
      "https://alt.example.com:8443/",
      "http://plain.example.com/",
    ])
      assert.equal(hosts.check(address).hostname, new URL(address).hostname);
  });

  it("refuses other hosts, ports and protocols, and names that only look alike", () => {
    for (const address of [
      "http://img.example.com/",
      "https://img.example.com:8443/",
      "https://img.example.com./",
      "https://img.example.com.evil.org/",
      "https://evilimg.example.com/",
      "https://cdn.example.com/",
      "https://.cdn.example.com/",
      "https://evilcdn.example.com/",
      "https://alt.example.com/",
      "https://plain.example.com/",
      "ftp://img.example.com/",
      "file:///etc/passwd",
      "data:image/png;base64,iVBORw0KGgo=",
      "img.example.com/a.jpg",
      "//img.example.com/a.jpg",
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://",
      "",
    ])
      refused(address);
  });

  it("refuses names and passwords, which would hide the host", () => {
    for (const address of ["https://img.example.com@evil.org/", "https://user:secret@img.example.com/"])
      refused(address);
  });

  it("allows nothing when no host is listed", () => {
    assert.throws(() => new AllowedHosts([]).check("https://img.example.com/"), /FETCH_HOSTS/);
  });
});

describe("ImageFetcher", () => {
  const servers: Server[] = [];
  let photo: Buffer;
  let port: number;
  const requests: { url: string | undefined; headers: Record<string, unknown> }[] = [];

  const routes: Record<string, RequestListener> = {
    "/photo": (_, answer) => answer.end(photo),
    "/text": (_, answer) => answer.setHeader("content-type", "image/png").end("no image at all"),
    "/short": (_, answer) => answer.end(photo.subarray(0, 8)),
    "/empty": (_, answer) => answer.end(),
    "/missing": (_, answer) => answer.writeHead(404).end(photo),
    "/gzip": (_, answer) => answer.setHeader("content-encoding", "gzip").end(photo),
    "/announced": (_, answer) => answer.setHeader("content-length", LIMIT_BYTES + 1).write(photo),
    "/endless": (_, answer) => {
      answer.write(photo);
      const more = setInterval(() => answer.write(Buffer.alloc(4096)), 1);
      answer.on("close", () => clearInterval(more));
    },
    "/broken": (_, answer) => {
      answer.setHeader("content-length", photo.length);
      answer.write(photo.subarray(0, 40), () => answer.destroy());
    },
    "/silent": () => undefined,
    "/stalled": (_, answer) => answer.write(photo.subarray(0, 40)),
    "/once": (_, answer) => answer.writeHead(302, { location: "/photo" }).end(),
    "/nowhere": (_, answer) => answer.writeHead(302).end(),
    "/away": (_, answer) => answer.writeHead(302, { location: "https://elsewhere.example.com/" }).end(),
    "/inside": (_, answer) => answer.writeHead(302, { location: `http://inside.test:${port}/photo` }).end(),
  };

  before(async () => {
    photo = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#f00" } })
      .png()
      .toBuffer();
    const server = createServer((request, answer) => {
      requests.push({ url: request.url, headers: request.headers });
      const hops = /^\/hops\/([1-9])$/.exec(request.url ?? "")?.[1];
      if (hops !== undefined) {
        answer.writeHead(307, { location: hops === "1" ? "/photo" : `/hops/${Number(hops) - 1}` }).end();
      } else routes[request.url ?? ""]?.(request, answer);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** Names that only this test knows; all but one stand for this machine, which is allowed here. */
  const resolved: string[] = [];
  const network: Network = {
    resolve: async (hostname) => {
      resolved.push(hostname);
      const address = hostname === "inside.test" ? "127.0.0.2" : "127.0.0.1";
      return hostname === "mixed.test"
        ? [
            { address: "127.0.0.1", family: 4 },
            { address: "10.0.0.1", family: 4 },
          ]
        : [{ address, family: 4 }];
    },
    specialUse: (address) => (address === "127.0.0.1" ? undefined : "private"),
  };
  const names = ["photos.test", "mixed.test", "inside.test", "localhost"];
  const fetcher = (limit = LIMIT_BYTES, given: Network | undefined = network) =>
    new ImageFetcher(
      names.map((name) => `http://${name}:${port}`),
      limit,
      given,
    );
  const get = (path: string, { timeoutMs = 20_000, host = "photos.test", limit = LIMIT_BYTES } = {}) =>
    fetcher(limit).fetch(`http://${host}:${port}${path}`, { signal: new AbortController().signal, timeoutMs });
  const fails = (promise: Promise<unknown>, code: ErrorCode, message: RegExp) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof RequestError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });

  it("fetches an image from an allowed host, asking for that host at the address that was checked", async () => {
    requests.length = 0;
    resolved.length = 0;
    assert.deepEqual(await get("/photo"), photo);
    assert.deepEqual(resolved, ["photos.test"]);
    assert.equal(requests[0]?.headers.host, `photos.test:${port}`);
    assert.equal(requests[0]?.headers["accept-encoding"], "identity");
  });

  it("takes a file of exactly the limit and refuses one byte more", async () => {
    assert.equal((await get("/photo", { limit: photo.length })).length, photo.length);
    await fails(get("/photo", { limit: photo.length - 1 }), "YOLO_URL_FAILED", /larger than/);
  });

  it("stops a file that is announced too large, or grows too large", async () => {
    await fails(get("/announced"), "YOLO_URL_FAILED", /larger than 20000 bytes/);
    await fails(get("/endless"), "YOLO_URL_FAILED", /larger than 20000 bytes/);
  });

  it("takes nothing but an image, whatever its content type says", async () => {
    for (const path of ["/text", "/short", "/empty"]) await fails(get(path), "YOLO_URL_FAILED", /no JPEG/);
    await fails(get("/gzip"), "YOLO_URL_FAILED", /compressed/);
    await fails(get("/missing"), "YOLO_URL_FAILED", /404/);
  });

  it("says when the connection breaks, is refused, or nobody answers in time", async () => {
    await fails(get("/broken"), "YOLO_URL_FAILED", /cannot be fetched/);
    await fails(get("/silent", { timeoutMs: 200 }), "YOLO_URL_FAILED", /within 200 ms/);
    await fails(get("/stalled", { timeoutMs: 200 }), "YOLO_URL_FAILED", /within 200 ms/);
    const closed = new ImageFetcher(["http://photos.test:1"], LIMIT_BYTES, network);
    const options = { signal: new AbortController().signal, timeoutMs: 20_000 };
    await fails(closed.fetch("http://photos.test:1/", options), "YOLO_URL_FAILED", /ECONNREFUSED/);
  });

  it("gives up with the caller", async () => {
    const caller = new AbortController();
    const fetching = fetcher().fetch(`http://photos.test:${port}/silent`, { signal: caller.signal, timeoutMs: 20_000 });
    setTimeout(() => caller.abort(), 50);
    await assert.rejects(fetching, { name: "AbortError" });
  });

  it("does not wait for a name longer than its time", async () => {
    const stuck: Network = { ...network, resolve: () => new Promise(() => undefined) };
    const options = { signal: new AbortController().signal, timeoutMs: 100 };
    await fails(fetcher(LIMIT_BYTES, stuck).fetch(`http://photos.test:${port}/`, options), "YOLO_URL_FAILED", /within/);
  });

  it("follows three redirects and no more", async () => {
    assert.deepEqual(await get("/once"), photo);
    assert.deepEqual(await get("/hops/3"), photo);
    await fails(get("/hops/4"), "YOLO_URL_FAILED", /more than 3 times/);
  });

  it("checks the host and the addresses of each redirect again", async () => {
    await fails(get("/away"), "YOLO_URL_REFUSED", /allowed host/);
    await fails(get("/inside"), "YOLO_URL_REFUSED", /private/);
    await fails(get("/nowhere"), "YOLO_URL_FAILED", /nowhere/);
  });

  it("refuses a host when only one of its addresses is not public", async () => {
    requests.length = 0;
    await fails(get("/photo", { host: "mixed.test" }), "YOLO_URL_REFUSED", /private/);
    assert.equal(requests.length, 0);
  });

  it("refuses this machine by default, even when its name is allowed", async () => {
    requests.length = 0;
    const options = { signal: new AbortController().signal, timeoutMs: 20_000 };
    const strict = new ImageFetcher([`http://localhost:${port}`, `http://127.0.0.1:${port}`], LIMIT_BYTES);
    for (const host of ["localhost", "127.0.0.1", "2130706433", "0x7f.1"]) {
      await fails(strict.fetch(`http://${host}:${port}/photo`, options), "YOLO_URL_REFUSED", /loopback/);
    }
    assert.equal(requests.length, 0);
  });

  it("speaks TLS with the name that was asked for, not with the address", async () => {
    const { key, certificate } = await selfSigned("secure.test");
    const server = createSecureServer({ key, cert: certificate }, (_, answer) => answer.end(photo));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const secure = (server.address() as AddressInfo).port;
    const options = { signal: new AbortController().signal, timeoutMs: 20_000 };
    const one = new ImageFetcher([`secure.test:${secure}`, `other.test:${secure}`], LIMIT_BYTES, network);
    await fails(one.fetch(`https://secure.test:${secure}/`, options), "YOLO_URL_FAILED", /SELF_SIGNED/);
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, certificate]);
    try {
      assert.deepEqual(await one.fetch(`https://secure.test:${secure}/`, options), photo);
      await fails(one.fetch(`https://other.test:${secure}/`, options), "YOLO_URL_FAILED", /ALTNAME_INVALID/);
    } finally {
      setDefaultCACertificates(trusted);
    }
  });

  it("fetches only so many at once", async () => {
    const one = fetcher();
    const caller = new AbortController();
    const options = { signal: caller.signal, timeoutMs: 20_000 };
    const waiting = Array.from({ length: 32 }, () => one.fetch(`http://photos.test:${port}/silent`, options));
    await fails(one.fetch(`http://photos.test:${port}/photo`, options), "YOLO_QUEUE_FULL", /later/);
    caller.abort();
    await Promise.allSettled(waiting);
    assert.deepEqual(
      await one.fetch(`http://photos.test:${port}/photo`, { ...options, signal: new AbortController().signal }),
      photo,
    );
  });
});
