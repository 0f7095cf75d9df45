import { type Attribute, ELEMENT, node, tensor, valueInfo } from "../../service/src/model/onnx-writer.ts";
import { bytesField, type Encoded, integerField, join } from "../../service/src/model/protobuf-writer.ts";

/** Side of the model's input in pixels, and its classes. */
const SIZE = 640;
const CLASSES = 80;

/** Distances to a box's sides are read from distributions over so many bins. */
const BINS = 16;

/** A value in the graph. */
interface Value {
  name: string;
  channels: number;
  side: number;
}

/** Collects the nodes and weights of a network; weights are pseudorandom, the same each time. */
class Network {
  nodes: Encoded[] = [];
  initializers: Encoded[] = [];
  multiplications = 0;
  #count = 0;
  #seed = 1;

  #random(): number {
    // xorshift32
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return (this.#seed >>> 0) / 2 ** 32;
  }

  add(operator: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const name = `v${this.#count++}`;
    this.nodes.push(node(operator, inputs, [name], attributes));
    return name;
  }

  constant(shape: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = `w${this.#count++}`;
    this.initializers.push(tensor(name, shape, data));
    return name;
  }

  integers(...values: number[]): string {
    return this.constant([values.length], BigInt64Array.from(values, BigInt));
  }

  /** A convolution, with SiLU unless it is the last of a branch. */
  conv(
    x: Value,
    channels: number,
    { kernel = 1, stride = 1, groups = 1, last = false, bias = 0, gain = 1.68 } = {},
  ): Value {
    const inputs = x.channels / groups;
    const size = channels * inputs * kernel * kernel;
    // Uniform, with the variance that keeps activations at their size from layer to layer.
    const range = gain * Math.sqrt(3 / (inputs * kernel * kernel));
    const weights = Float32Array.from({ length: size }, () => (this.#random() * 2 - 1) * range);
    const name = this.add(
      "Conv",
      [
        x.name,
        this.constant([channels, inputs, kernel, kernel], weights),
        this.constant([channels], new Float32Array(channels).fill(bias)),
      ],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: Array<number>(4).fill((kernel - 1) / 2),
        group: groups,
      },
    );
    const side = x.side / stride;
    this.multiplications += size * side * side;
    return { name: last ? name : this.add("Mul", [name, this.add("Sigmoid", [name])]), channels, side };
  }

  concat(values: readonly Value[]): Value {
    const channels = values.reduce((sum, value) => sum + value.channels, 0);
    const name = this.add(
      "Concat",
      values.map((value) => value.name),
      { axis: 1 },
    );
    return { name, channels, side: values[0]?.side ?? 0 };
  }

  /** Half of the channels goes through two convolutions and is added to itself; all parts are then mixed. */
  block(x: Value, channels: number, hidden: number): Value {
    const both = this.conv(x, 2 * hidden);
    const sizes = this.integers(hidden, hidden);
    const first = `v${this.#count++}`;
    const second = `v${this.#count++}`;
    this.nodes.push(node("Split", [both.name, sizes], [first, second], { axis: 1 }));
    const half = { name: second, channels: hidden, side: x.side };
    const inner = this.conv(this.conv(half, hidden / 2, { kernel: 3 }), hidden, { kernel: 3 });
    const sum = { ...half, name: this.add("Add", [half.name, inner.name]) };
    return this.conv(this.concat([{ ...half, name: first }, half, sum]), channels);
  }

  upsample(x: Value): Value {
    const scales = this.constant([4], Float32Array.of(1, 1, 2, 2));
    const attributes = {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    };
    return { ...x, name: this.add("Resize", [x.name, "", scales], attributes), side: x.side * 2 };
  }

  pool(x: Value): Value {
    return {
      ...x,
      name: this.add("MaxPool", [x.name], { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] }),
    };
  }

  reshape(name: string, ...shape: number[]): string {
    return this.add("Reshape", [name, this.integers(...shape)]);
  }
}

/** The three feature maps from which boxes are read, with strides 8, 16 and 32. */
function backbone(net: Network): Value[] {
  const down = (x: Value, channels: number) => net.conv(x, channels, { kernel: 3, stride: 2 });
  let x: Value = { name: "images", channels: 3, side: SIZE };
  x = down(down(x, 16), 32);
  x = net.block(x, 64, 16);
  const stride8 = net.block(down(x, 64), 128, 32);
  const stride16 = net.block(down(stride8, 128), 128, 64);
  x = net.block(down(stride16, 256), 256, 128);
  const pools = [net.conv(x, 128)];
  for (let i = 0; i < 3; i++) pools.push(net.pool(pools[i] as Value));
  const stride32 = net.block(net.conv(net.concat(pools), 256), 256, 128);
  const up16 = net.block(net.concat([net.upsample(stride32), stride16]), 128, 64);
  const up8 = net.block(net.concat([net.upsample(up16), stride8]), 64, 32);
  const down16 = net.block(net.concat([down(up8, 64), up16]), 128, 64);
  const down32 = net.block(net.concat([down(down16, 128), stride32]), 256, 128);
  return [up8, down16, down32];
}

/** Boxes as centre and size in pixels, and a score per class: `[1, 84, 8400]`. */
function head(net: Network, maps: readonly Value[]): void {
  const sides: string[] = [];
  const classes: string[] = [];
  for (const map of maps) {
    const cells = map.side * map.side;
    const box = net.conv(net.conv(map, 64, { kernel: 3 }), 64, { kernel: 3 });
    sides.push(net.reshape(net.conv(box, 4 * BINS, { last: true }).name, 1, 4 * BINS, cells));
    let x = map;
    for (let i = 0; i < 2; i++) x = net.conv(net.conv(x, x.channels, { kernel: 3, groups: x.channels }), CLASSES);
    const scores = net.conv(x, CLASSES, { last: true, bias: -4, gain: 4 });
    classes.push(net.reshape(scores.name, 1, CLASSES, cells));
  }
  const anchors = maps.reduce((sum, { side }) => sum + side * side, 0);
  const bins = net.reshape(net.add("Concat", sides, { axis: 2 }), 1, 4, BINS, anchors);
  const weights = net.add("Softmax", [net.add("Transpose", [bins], { perm: [0, 2, 1, 3] })], { axis: 1 });
  const ramp = net.constant(
    [1, BINS, 1, 1],
    Float32Array.from({ length: BINS }, (_, i) => i),
  );
  const distances = net.reshape(net.add("Conv", [weights, ramp]), 1, 4, anchors);
  const part = (from: number) =>
    net.add("Slice", [distances, net.integers(from), net.integers(from + 2), net.integers(1)]);
  const centres = new Float32Array(2 * anchors);
  const strides = new Float32Array(anchors);
  let i = 0;
  for (const { side } of maps) {
    for (let cell = 0; cell < side * side; cell++, i++) {
      centres[i] = (cell % side) + 0.5;
      centres[anchors + i] = Math.floor(cell / side) + 0.5;
      strides[i] = SIZE / side;
    }
  }
  const centre = net.constant([1, 2, anchors], centres);
  const topLeft = net.add("Sub", [centre, part(0)]);
  const bottomRight = net.add("Add", [centre, part(2)]);
  const half = net.constant([1], Float32Array.of(0.5));
  const middle = net.add("Mul", [net.add("Add", [topLeft, bottomRight]), half]);
  const extent = net.add("Sub", [bottomRight, topLeft]);
  const boxes = net.add("Mul", [
    net.add("Concat", [middle, extent], { axis: 1 }),
    net.constant([1, 1, anchors], strides),
  ]);
  const scores = net.add("Sigmoid", [net.add("Concat", classes, { axis: 2 })]);
  net.nodes.push(node("Concat", [boxes, scores], ["output0"], { axis: 1 }));
}

/**
 * An ONNX detector with the layers, the cost and the output of the smallest current YOLO, `[1, 84, 8400]` at 640 pixels,
 * but with pseudorandom weights, since the vendor's may not be shipped; what it finds means nothing.
 */
export function makeModel(): { content: Uint8Array; gigaflops: number } {
  const net = new Network();
  head(net, backbone(net));
  const graph = join(
    ...net.nodes.map((value) => bytesField(1, value)),
    bytesField(2, "bench"),
    ...net.initializers.map((value) => bytesField(5, value)),
    bytesField(11, valueInfo("images", ELEMENT.float32, [1, 3, SIZE, SIZE])),
    bytesField(12, valueInfo("output0", ELEMENT.float32, [1, 4 + CLASSES, 8400])),
  );
  const names = Array.from({ length: CLASSES }, (_, i) => `${i}: 'class ${i}'`).join(", ");
  const metadata = { task: "detect", stride: "32", imgsz: `[${SIZE}, ${SIZE}]`, batch: "1", names: `{${names}}` };
  const content = join(
    integerField(1, 8),
    bytesField(2, "yolo bench"),
    bytesField(7, graph),
    bytesField(8, join(bytesField(1, ""), integerField(2, 17))),
    ...Object.entries(metadata).map(([key, value]) => bytesField(14, join(bytesField(1, key), bytesField(2, value)))),
  );
  return { content, gigaflops: (2 * net.multiplications) / 1e9 };
}
