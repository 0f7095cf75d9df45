import type { Metadata } from "sharp";
import { DECODING } from "../../contract.ts";

/*
 * Bytes that a worker takes at most for each pixel while it decodes, measured as the growth of the peak resident size with
 * images of 12 megapixels, and with 50 for JPEG, WebP and AVIF (x64, sharp 0.35.5, one image in a process;
 * test/service/decode-memory.test.ts measures them again):
 * JPEG 4, turned upright by EXIF or progressive with 4:2:0 7, with 4:4:4 or CMYK 10; PNG 4, interlaced and turned 8; GIF 8 (14
 * where it is 65,535 wide); TIFF 11 in one tile; WebP 11; AVIF in tiles of 512 x 512 9. These weigh 1, for 12 bytes.
 * PNG of 16 bits, interlaced and turned, 16; WebP with alpha 13; AVIF 16 to 19, noise in 4:4:4 23. These weigh 2.
 * AVIF of 12 bits in 4:4:4 with alpha 32. This weighs 3.
 */

/** Bytes of a sample, by what sharp calls its type. */
const SAMPLE_BYTES: Readonly<Record<string, number>> = {
  uchar: 1,
  char: 1,
  ushort: 2,
  short: 2,
  uint: 4,
  int: 4,
  float: 4,
  complex: 8,
  double: 8,
  dpcomplex: 16,
};

/** How a pixel of an image counts against PIXEL_LIMIT. */
export interface PixelWeight {
  /** A whole number from 1. */
  weight: number;
  /** What makes it more than 1, to be said to callers. */
  reason: string;
}

/**
 * How much memory the decoder takes for a pixel of an image, in units of `DECODING.bytesPerPixel`, by its header.
 * @param tiled whether the image is an AVIF grid of small pictures
 */
export function pixelWeight({ format, channels, depth, hasAlpha }: Metadata, tiled: boolean): PixelWeight {
  const sample = SAMPLE_BYTES[depth] ?? 16;
  if (format === "heif") {
    const more = sample > 1 || hasAlpha;
    const reason = more ? "AVIF with alpha or more than 8 bits" : "AVIF";
    return { weight: (tiled ? 1 : 2) + (more ? 1 : 0), reason };
  }
  if (format === "webp" && hasAlpha) return { weight: 2, reason: "WebP with alpha" };
  // Whole as the file has it, once more where it is turned, and the result.
  const weight = Math.ceil((2 * channels * sample + 3) / DECODING.bytesPerPixel);
  return { weight, reason: `${channels} channels of ${8 * sample} bits` };
}
