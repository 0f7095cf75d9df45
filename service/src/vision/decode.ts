import sharp from "sharp";
import { RequestError } from "../errors.ts";
import type { RgbImage } from "./letterbox.ts";

/** Content types of images that the service reads. */
export const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff", "image/gif"] as const;

// Threads come from the pool of workers; a cache would keep callers' images in memory.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Tells from its first bytes whether a file claims to be an image that the service reads, so that the decoder never
 * sees another format (SVG, PDF and others that libraries would open).
 */
export function isImage(file: Uint8Array): boolean {
  const text = (start: number, end: number) => String.fromCharCode(...file.subarray(start, end));
  if (file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff) return true;
  if (text(0, 8) === "\x89PNG\r\n\x1a\n" || text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return true;
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return true;
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(0, 4))) return true;
  return text(4, 8) === "ftyp" && ["avif", "avis", "mif1"].includes(text(8, 12));
}

/** A decoded image, and the size that it was sent in, upright. */
export interface DecodedImage extends RgbImage {
  sentWidth: number;
  sentHeight: number;
}

/**
 * Decodes an image to 8-bit RGB: upright by its EXIF orientation, without alpha, the first frame of an animation.
 * Colour profiles are ignored, as the vendor's reader does.
 * @param target says for an image's size the one that is wanted: a larger image comes in it, for JPEG without decoding all
 *   pixels. Everything in its own size when missing
 * @throws RequestError YOLO_IMAGE_UNREADABLE, or YOLO_IMAGE_TOO_LARGE above `pixelLimit` pixels
 */
export async function decodeImage(
  file: Uint8Array,
  pixelLimit: number,
  target?: (width: number, height: number) => { scaledWidth: number; scaledHeight: number },
): Promise<DecodedImage> {
  if (!isImage(file))
    throw new RequestError("YOLO_IMAGE_UNREADABLE", "Expected a JPEG, PNG, WebP, AVIF, TIFF or GIF image.");
  try {
    // The limit is checked below, before any pixel is decoded, for a message that names both numbers.
    const image = sharp(file, { limitInputPixels: false, ignoreIcc: true, failOn: "error" });
    const { width: sentWidth, height: sentHeight } = (await image.metadata()).autoOrient;
    if (sentWidth * sentHeight > pixelLimit) {
      const message = `Expected an image of at most ${pixelLimit} pixels but received ${sentWidth} x ${sentHeight}.`;
      throw new RequestError("YOLO_IMAGE_TOO_LARGE", message);
    }
    image.autoOrient();
    const { scaledWidth: width, scaledHeight: height } = target?.(sentWidth, sentHeight) ?? {
      scaledWidth: sentWidth,
      scaledHeight: sentHeight,
    };
    if (width <= sentWidth && height <= sentHeight && width * height < sentWidth * sentHeight)
      image.resize({ width, height, fit: "fill", kernel: "linear" });
    const { data, info } = await image
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
    return { data, width: info.width, height: info.height, sentWidth, sentHeight };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const reason = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
    throw new RequestError("YOLO_IMAGE_UNREADABLE", `Expected a whole image but it cannot be decoded: ${reason}.`, {
      cause: error,
    });
  }
}
