import { expect, test } from 'bun:test';
import { toProjectJson, toProjectText } from './project-json.ts';
import { readCreate } from './project-settings.ts';
import { ScriptedControl } from './scripted-control.ts';

const urlOf = (hostname: string): string => `http://${hostname}:8080`;

test('the text of a project is that of its JSON, also after its status and its settings have changed', async () => {
  const control = new ScriptedControl();
  const settings = readCreate({
    name: 'shop',
    docker_image: 'shop:1',
    hostname: 'shop.localhost',
    container_port: 80,
    env_vars: { A: '"é' },
    idle_timeout: '5m',
  });
  await control.createProject(settings);
  const same = async (): Promise<Record<string, unknown>> => {
    const view = await control.getProject('shop');
    const parsed = JSON.parse(toProjectText(view, urlOf));
    expect(parsed).toEqual(JSON.parse(JSON.stringify(toProjectJson(view, urlOf))));
    return parsed;
  };
  expect(await same()).toMatchObject({
    status: 'idle',
    idle_timeout: '5m',
    url: 'http://shop.localhost:8080',
  });
  control.statusName = 'running';
  control.instances = [
    {
      ...{ instanceId: 'i-1', revision: 1, state: 'running', isReady: true, health: null },
      ...{ address: '10.0.0.1:80', since: 5 },
    },
  ];
  expect(await same()).toMatchObject({ status: 'running', instances: [{ id: 'i-1' }] });
  await control.replaceProject({ ...settings, idleTimeoutMs: 60_000 });
  expect(await same()).toMatchObject({ idle_timeout: '1m', revision: 2 });
});
