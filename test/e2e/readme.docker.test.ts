/** The README's commands with a real Docker Engine, where a local image goes by the name of the public one. */
import Docker from 'dockerode';
import { type TestEngine, withEngine } from '../engine/engine.ts';
import { describeReadme } from './readme.ts';

let engine: TestEngine | undefined;

describeReadme({
  runtime: 'docker',
  async prepare() {
    engine = await withEngine();
    const docker = new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
    await docker.getImage('luma-test/busybox').tag({ repo: 'nginxdemos/hello' });
    return { DOCKER_HOST: engine.dockerHost };
  },
  cleanUp: async () => engine?.stop(),
});
