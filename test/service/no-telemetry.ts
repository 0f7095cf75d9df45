// Imported before ONNX Runtime, which reports to Microsoft unless this is set when it is loaded.
process.env.ORT_DISABLE_TELEMETRY = "1";
