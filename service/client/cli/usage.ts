/** A mistake on the command line; printed as it is, with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What `yolo --help` prints. */
export const USAGE = `Usage: yolo detect PHOTO... [--url URL] [options]
       yolo info [--url URL] [--json]
Asks a detection service what is on photos.

  detect      find objects; yolo detect --help says more
  info        show the models and the versions of the service
  --version   print the version
  --help      print this`;

/** What `yolo detect --help` prints. */
export const DETECT_USAGE = `Usage: yolo detect PHOTO... [--url URL] [options]
Finds objects on photos. PHOTO is a file, a folder (all images in it and below), or - for standard input.

What to look for; the service decides what is not given:
  --conf NUMBER        lowest confidence, 0.01 to 1
  --iou NUMBER         overlap from which two boxes of one class are one object, 0 to 0.95
  --max-det NUMBER     most objects on a photo, 1 to 300
  --classes LIST       names or indices of the classes to keep, with commas between
  --imgsz PIXELS       longer side of the model's input, for models of dynamic size
  --model NAME         one of the service's models

What to make of it; a table when neither is given:
  --json               one JSON document a line: the file's name with the answer, or with the error
  --output DIR         write the photos with what was found drawn on them, as JPEG

Where and how to ask:
  --url URL            address of the service (default: the variable YOLO_URL)
  --key-file FILE      file with the API key (default: the variable YOLO_API_KEY)
  --concurrency NUMBER photos that are asked about at once, 1 to 64 (default: 4)
  --timeout SECONDS    longest wait for a photo's answer, with all tries (default: 60)
  --retries NUMBER     most repetitions when the service is busy or the connection breaks (default: 3)

Exit codes: 0 all photos were answered, 1 some were not, 2 wrong usage, 130 interrupted.`;

/** What `yolo info --help` prints. */
export const INFO_USAGE = `Usage: yolo info [--url URL] [--key-file FILE] [--timeout SECONDS] [--json]
Shows the models, the execution provider and the versions of the service.

  --url URL            address of the service (default: the variable YOLO_URL)
  --key-file FILE      file with the API key (default: the variable YOLO_API_KEY)
  --timeout SECONDS    longest wait for the answer (default: 60)
  --json               print the service's answer as it is`;
