import assert from "node:assert/strict";
import { callerOf, RateLimit } from "../../service/src/access/rate-limit.ts";

describe("a rate limit", () => {
  it("lets a minute's worth through at once and says when the next may come", () => {
    const limit = new RateLimit(3);
    const remaining = [0, 0, 0].map((now) => limit.take("a", now));
    assert.deepEqual(
      remaining.map(({ allowed, remaining }) => [allowed, remaining]),
      [
        [true, 2],
        [true, 1],
        [true, 0],
      ],
    );
    assert.deepEqual(limit.take("a", 0), {
      allowed: false,
      limit: 3,
      remaining: 0,
      resetSeconds: 60,
      retryAfterSeconds: 20,
    });
    assert.equal(limit.take("a", 19_900).retryAfterSeconds, 1);
    assert.equal(limit.take("a", 20_001).allowed, true);
    assert.equal(limit.take("a", 20_002).allowed, false);
    assert.equal(limit.take("b", 20_002).allowed, true);
  });

  it("lets through as many as it says over a long time, whatever the rhythm", () => {
    const limit = new RateLimit(60);
    let passed = 0;
    for (let now = 0; now < 600_000; now += 137) if (limit.take("a", now).allowed) passed++;
    assert.ok(passed >= 659 && passed <= 660, String(passed));
  });

  it("remembers a bounded number of callers, and forgets the one that was away for longest", () => {
    const limit = new RateLimit(1, 2);
    limit.take("a", 0);
    limit.take("b", 0);
    assert.equal(limit.take("a", 1).allowed, false);
    limit.take("c", 1);
    assert.equal(limit.size, 2);
    assert.equal(limit.take("a", 2).allowed, false);
    assert.equal(limit.take("b", 2).allowed, true);
  });

  it("counts an address by itself, and one of IPv6 by its network", () => {
    assert.equal(callerOf("10.0.0.1"), "10.0.0.1");
    assert.equal(callerOf("::ffff:10.0.0.1"), "10.0.0.1");
    assert.equal(callerOf("2001:db8:0:1::5"), "2001:db8:0:1::/64");
    assert.equal(callerOf("2001:db8:0:1:ffff:ffff:ffff:ffff"), "2001:db8:0:1::/64");
    assert.equal(callerOf("2001:0db8::1"), "2001:db8:0:0::/64");
    assert.equal(callerOf("fe80::1%eth0"), "fe80:0:0:0::/64");
    assert.equal(callerOf("::1"), "0:0:0:0::/64");
  });
});
