import { EngineLog } from "../engine.ts";
import { ACCOUNT_VARIABLE } from "../environment.ts";
import { engineAddress, serveProvider } from "../serve.ts";
import { awsService } from "./service.ts";

const file = process.env[ACCOUNT_VARIABLE];
if (file === undefined || file === "") {
  console.error(
    `Expected the path of a file for ${ACCOUNT_VARIABLE} but received nothing: the stand-in of AWS keeps its account there.`,
  );
  process.exit(1);
}
serveProvider(awsService(file, new EngineLog(engineAddress())));
