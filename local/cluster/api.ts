import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { parse } from "yaml";

/** An object of the Kubernetes API, as far as every kind agrees. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

/** A call to the API server. */
export interface Call {
  method?: "GET" | "PATCH";
  /** Sent as JSON. Defaults to no body. */
  body?: object;
  signal?: AbortSignal;
  /** Milliseconds without an answer after which the call fails. Defaults to 5000. */
  timeoutMs?: number;
}

/** The API server's answer to a call that it refused. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A connection to an API server with the rights of a kubeconfig that has its credentials inside. */
export class ApiClient implements Disposable {
  readonly #server: string;
  readonly #agent: Agent;

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(kubeconfig) as {
      clusters: [{ cluster: Record<string, string> }];
      users: [{ user: Record<string, string> }];
    };
    const decode = (value: string | undefined) => Buffer.from(value ?? "", "base64");
    this.#server = clusters[0].cluster.server ?? "";
    this.#agent = new Agent({
      keepAlive: true,
      ca: decode(clusters[0].cluster["certificate-authority-data"]),
      cert: decode(users[0].user["client-certificate-data"]),
      key: decode(users[0].user["client-key-data"]),
    });
  }

  static async fromFile(path: string): Promise<ApiClient> {
    return new ApiClient(await readFile(path, "utf8"));
  }

  /** Host name or address of the server. */
  get host(): string {
    return new URL(this.#server).hostname;
  }

  /** Returns the body of the answer. Throws an ApiError when the server refuses. */
  call(path: string, { method = "GET", body, signal, timeoutMs = 5000 }: Call = {}): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timeout = AbortSignal.timeout(timeoutMs);
    const call = request(
      new URL(path, this.#server),
      {
        method,
        agent: this.#agent,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        headers: body === undefined ? {} : { "content-type": "application/apply-patch+yaml" },
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        text(answer).then(
          (content) => (status < 300 ? resolve(content) : reject(new ApiError(status, content))),
          reject,
        );
      },
    );
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  async get<T>(path: string, options: Omit<Call, "method" | "body"> = {}): Promise<T> {
    return JSON.parse(await this.call(path, options)) as T;
  }

  /** Creates or changes objects by server-side apply, one after the other. */
  async apply(objects: readonly KubernetesObject[], signal?: AbortSignal): Promise<void> {
    for (const object of objects) {
      const path = `${collectionPath(object)}/${encodeURIComponent(object.metadata.name)}?fieldManager=yolo&force=true`;
      await this.call(path, { method: "PATCH", body: object, ...(signal === undefined ? {} : { signal }) });
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function collectionPath({ apiVersion, kind, metadata: { namespace } }: KubernetesObject): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = `${kind.toLowerCase()}s`;
  return namespace === undefined ? `${group}/${plural}` : `${group}/namespaces/${namespace}/${plural}`;
}
