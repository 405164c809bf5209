/** A client program of these tests: `ADDRESS CASE` in, one JSON document out, and no connection left open. */

/** Sooner than the test that waits for it, which would not know why. */
const CASE_MS = 20_000;

export type ClientCase = (address: string) => Promise<unknown>;

/** Runs the case that the command line names. What a case leaves open does not keep the program. */
export function runNamedCase(cases: Readonly<Record<string, ClientCase>>, patienceMs = CASE_MS): void {
  const [, , address = '', name = ''] = process.argv;
  const run = cases[name];
  if (run === undefined) throw new Error(`no case ${name}`);
  setTimeout(() => fail(new Error(`${name} is not done after ${patienceMs} ms`)), patienceMs);
  run(address).then((result) => process.stdout.write(JSON.stringify(result), () => process.exit(0)), fail);
}

function fail(error: Error): void {
  process.stderr.write(`${error.stack}\n`, () => process.exit(1));
}
