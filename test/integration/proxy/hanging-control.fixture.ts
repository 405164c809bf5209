/** A control plane in a process of its own, to be suspended: one service awake, one that it wakes. Says `ready`. */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../src/base/clock.ts';
import { createProxyLink } from '../../../src/proxy/client/index.ts';
import { LinkRecorder, spec, target } from './proxy-fixture.ts';

const [socketPath = '', wanted = '{}'] = process.argv.slice(2);
const { name, hold, port } = JSON.parse(wanted) as { name: string; hold: number; port: number };
const link = createProxyLink({ socketPath, installationId: 'inst-a', epoch: 1, clock: systemClock });
const recorder = new LinkRecorder(link, [
  spec('awake', { targets: [target('i1', port)] }),
  spec(name, { holdTimeoutMs: hold }),
]);
recorder.onWakeDo = () => {
  void link.publish(spec(name, { holdTimeoutMs: hold, targets: [target('i2', port)] }));
};
link.open(recorder);
await recorder.hears('answered awake i1');
writeSync(1, 'ready\n');
