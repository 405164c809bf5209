/** The runtime contract on a real Docker Engine. */
import { describeRuntimeContract } from '../../../src/runtimes/runtime.contract.ts';
import { withEngine } from '../../engine/engine.ts';
import { dockerSubject } from './subject.ts';

describeRuntimeContract('docker', async () => {
  const engine = await withEngine();
  const subject = await dockerSubject(engine);
  const close = async (): Promise<void> => {
    await subject.close();
    await engine.stop();
  };
  return { ...subject, close };
});
