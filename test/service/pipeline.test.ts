import assert from "node:assert/strict";
import { PATHS, type PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png, readGoldens } from "./support.ts";

for (const layout of ["raw", "end-to-end", "dynamic"] as const) {
  describe(`POST /predict with the ${layout} model`, () => {
    let service: RunningApp;
    before(async () => {
      service = await startApp(layout);
    });
    after(() => service.close());

    for (const golden of readGoldens().pipeline.filter((entry) => entry.layout === layout)) {
      const {
        image: [width, height],
        seed,
        selection,
        detections,
      } = golden;
      it(`finds in ${width} x ${height} pixels, ${JSON.stringify(selection)}, what the reference finds`, async () => {
        const { maxDet, classes, ...rest } = selection;
        const query = {
          ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
          ...(maxDet === undefined ? {} : { max_det: String(maxDet) }),
          ...(classes === undefined ? {} : { classes: classes.join(",") }),
        };
        const answer = await service.app.inject({
          method: "POST",
          url: PATHS.predict,
          headers: { "content-type": "image/png" },
          payload: await png(blocks(width, height, seed), width, height),
          query,
        });
        assert.equal(answer.statusCode, 200, answer.body);
        const [image] = answer.json<PredictResponse>().images;
        assert.deepEqual(image?.shape, [height, width]);
        const found = image.results.map(({ class: index, confidence, box }) => {
          assert.ok(box !== undefined);
          return [box.x1, box.y1, box.x2, box.y2, confidence, index];
        });
        assert.equal(found.length, detections.length);
        found.flat().forEach((value, i) => {
          const expected = detections.flat()[i] ?? Number.NaN;
          // Sums may be added in another order by another build of ONNX Runtime; five decimals are printed.
          assert.ok(Math.abs(value - expected) <= 2e-4, `${value} is not ${expected}`);
        });
      });
    }
  });
}
