export { type BinaryImageOptions, binaryImage } from "./binary.ts";
export { buildDetectorImage, type DetectorImageOptions } from "./detector.ts";
export { type LoadOptions, loadImage } from "./load.ts";
export type { Image } from "./oci.ts";
