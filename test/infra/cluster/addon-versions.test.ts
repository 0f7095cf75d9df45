import assert from "node:assert/strict";
import {
  ADDON_VERSION_FORM,
  ADDON_VERSIONS,
  ADDONS,
  addonVersion,
  KUBERNETES_MINORS,
} from "../../../infra/cluster/addon-versions.ts";

describe("ADDON_VERSIONS", () => {
  for (const minor of KUBERNETES_MINORS) {
    it(`names one build of each add-on for ${minor}, and kube-proxy's of that version`, () => {
      const versions = ADDON_VERSIONS[minor];
      assert.deepEqual(Object.keys(versions).sort(), [...ADDONS].sort());
      for (const [addon, version] of Object.entries(versions)) assert.match(version, ADDON_VERSION_FORM, addon);
      assert.ok(versions["kube-proxy"].startsWith(`v${minor}.`));
    });
  }

  it("gives way to what a stack says", () => {
    assert.equal(addonVersion("coredns", "1.35", { coredns: "v9.9.9-eksbuild.1" }), "v9.9.9-eksbuild.1");
    assert.equal(addonVersion("coredns", "1.35", { coredns: undefined }), ADDON_VERSIONS["1.35"].coredns);
  });
});
