import { createRequire, Module } from "node:module";

// Runs in a program's process (`node --import`), before Pulumi's SDK, where Node runs TypeScript itself. The SDK loads for every
// program what only some need; that takes longer than the whole program. A program sees no difference but its speed.

// The SDK that the program imports, or is run by.
const [, script = ""] = process.argv;
const sdk = createRequire(createRequire(script).resolve("@pulumi/pulumi"));

// Node erases types in place, so that lines need no map to their source: but with a map the SDK's stack traces, one for each of its
// promises, take a third of a program's time.
const maps = sdk("source-map-support") as { install(): void };
maps.install = () => {};

// Both serve to serialize functions (`aws.lambda.CallbackFunction`). https://github.com/pulumi/pulumi/tree/master/sdk/nodejs/runtime/closure
loadWhenUsed("./typescript-shim.js");
loadWhenUsed("@npmcli/arborist");

/** Lets the SDK have a module's properties without the module, which is loaded when one is read. */
function loadWhenUsed(name: string): void {
  const path = sdk.resolve(name);
  let loaded: object | undefined;
  const load = (): object => {
    if (loaded === undefined) {
      delete sdk.cache[path];
      loaded = sdk(path) as object;
    }
    return loaded;
  };
  const later = new Module(path);
  later.filename = path;
  later.loaded = true;
  later.exports = new Proxy(
    {},
    {
      // Asked for by compiled code to tell ES modules, whose exports it takes as they are, from others, which it copies.
      get: (_, key) => (key === "__esModule" ? true : Reflect.get(load(), key)),
      has: (_, key) => Reflect.has(load(), key),
    },
  );
  sdk.cache[path] = later;
}
