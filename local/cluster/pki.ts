import { webcrypto } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
// The certificate library finds its parts through this polyfill and does not load it itself.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { API_SERVICE_ADDRESS, CLUSTER_DOMAIN, NODE_NAME } from "./paths.ts";

const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const VALID_DAYS = 365;
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

/** A private key and its certificate, both PEM. */
export interface Credential {
  key: string;
  certificate: string;
}

interface Authority extends Credential {
  name: x509.JsonName;
  keys: webcrypto.CryptoKeyPair;
}

/** Who a certificate names and where it may be used. */
interface Subject {
  commonName: string;
  /** Kubernetes reads it as the user's group. Defaults to none. */
  organization?: string;
  /** DNS names and IP addresses that a server answers on. Defaults to none: a client only. */
  hosts?: x509.JsonGeneralNames;
}

/** Those who call the API server with a kubeconfig. */
export const USERS = {
  admin: { commonName: "yolo-admin", organization: "system:masters" },
  "kube-controller-manager": { commonName: "system:kube-controller-manager" },
  "kube-scheduler": { commonName: "system:kube-scheduler" },
  "kube-proxy": { commonName: "system:kube-proxy" },
  kubelet: { commonName: `system:node:${NODE_NAME}`, organization: "system:nodes" },
} satisfies Record<string, Subject>;

/** Name of a user of the API server. */
export type User = keyof typeof USERS;

/** What goes into kubeconfigs; everything else is on disk only. */
export interface Pki {
  /** Certificate of the cluster's authority, PEM. */
  authority: string;
  users: Record<User, Credential>;
}

/**
 * Makes the keys and certificates of a new cluster in `dir` as NAME.key (mode 600) and NAME.crt, valid for a year: three
 * authorities (cluster, etcd, front proxy), so that a certificate of one is worth nothing to another.
 */
export async function createPki(dir: string, nodeAddress: string): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [cluster, etcd, frontProxy, serviceAccounts] = await Promise.all([
    createAuthority("yolo-cluster"),
    createAuthority("yolo-etcd"),
    createAuthority("yolo-front-proxy"),
    generateKeys(),
  ]);
  const ip = (value: string) => ({ type: "ip", value }) as const;
  const dns = (value: string) => ({ type: "dns", value }) as const;
  const apiNames = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${CLUSTER_DOMAIN}`,
  ];
  const apiHosts = [...apiNames.map(dns), dns("localhost"), ip("127.0.0.1"), ip(API_SERVICE_ADDRESS), ip(nodeAddress)];
  const issued = {
    apiserver: issue(cluster, { commonName: "kube-apiserver", hosts: apiHosts }),
    "apiserver-kubelet-client": issue(cluster, {
      commonName: "kube-apiserver-kubelet-client",
      organization: "system:masters",
    }),
    "kubelet-server": issue(cluster, {
      commonName: `system:node:${NODE_NAME}`,
      hosts: [dns(NODE_NAME), ip(nodeAddress)],
    }),
    etcd: issue(etcd, { commonName: "etcd", hosts: [ip("127.0.0.1")] }),
    "etcd-client": issue(etcd, { commonName: "kube-apiserver" }),
    "front-proxy-client": issue(frontProxy, { commonName: "front-proxy-client" }),
  };
  const users = await resolveAll(
    Object.fromEntries(Object.entries(USERS).map(([name, subject]) => [name, issue(cluster, subject)])),
  );
  const credentials = {
    ca: cluster,
    "etcd-ca": etcd,
    "front-proxy-ca": frontProxy,
    ...(await resolveAll(issued)),
  };
  await Promise.all([
    ...Object.entries(credentials).flatMap(([name, { key, certificate }]) => [
      writeFile(join(dir, `${name}.key`), key, { mode: 0o600 }),
      writeFile(join(dir, `${name}.crt`), certificate, { mode: 0o600 }),
    ]),
    writeFile(join(dir, "service-accounts.key"), await pem("PRIVATE KEY", "pkcs8", serviceAccounts.privateKey), {
      mode: 0o600,
    }),
    writeFile(join(dir, "service-accounts.pub"), await pem("PUBLIC KEY", "spki", serviceAccounts.publicKey), {
      mode: 0o600,
    }),
  ]);
  return { authority: cluster.certificate, users: users as Record<User, Credential> };
}

async function createAuthority(commonName: string): Promise<Authority> {
  const keys = await generateKeys();
  const name = [{ CN: [commonName] }];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    ...validity(),
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    name,
    keys,
    certificate: `${certificate.toString("pem")}\n`,
    key: await pem("PRIVATE KEY", "pkcs8", keys.privateKey),
  };
}

async function issue(authority: Authority, { commonName, organization, hosts }: Subject): Promise<Credential> {
  const keys = await generateKeys();
  const usages = hosts === undefined ? [clientAuth] : [serverAuth, clientAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }],
    issuer: authority.name,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    ...validity(),
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
      ...(hosts === undefined ? [] : [new x509.SubjectAlternativeNameExtension(hosts)]),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await pem("PRIVATE KEY", "pkcs8", keys.privateKey) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  // A clock that is set back a little must not turn certificates into ones of the future.
  return { notBefore: new Date(now - 60 * 60_000), notAfter: new Date(now + VALID_DAYS * 24 * 60 * 60_000) };
}

async function pem(label: string, format: "pkcs8" | "spki", key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey(format, key), label)}\n`;
}

async function resolveAll<T>(promises: Record<string, Promise<T>>): Promise<Record<string, T>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(promises).map(async ([name, value]) => [name, await value])),
  );
}
