import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLumaError, type LumaError } from '../../base/errors.ts';
import { type ConfigSources, type LoadedConfig, loadConfig } from './load-config.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'luma-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function load(sources: Partial<ConfigSources> = {}): LoadedConfig {
  return loadConfig({ flags: {}, env: {}, cwd, home: '/home/ada', ...sources });
}

function refused(sources: Partial<ConfigSources> = {}): LumaError {
  try {
    load(sources);
  } catch (error) {
    if (isLumaError(error, 'config_invalid')) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function writeFile(text: string, name = 'luma.config.yml'): string {
  const path = join(cwd, name);
  writeFileSync(path, text);
  return path;
}

describe('without anything said', () => {
  test('every setting has its default', () => {
    expect(load()).toEqual({
      config: {
        httpHost: '127.0.0.1',
        httpPort: 8080,
        apiHost: '127.0.0.1',
        apiPort: 8081,
        dataDir: '/home/ada/.local/share/luma',
        keyFile: null,
        runtime: 'auto',
        maxSandboxes: 200,
        shutdownTimeout: 30_000,
        proxySocket: null,
        trustedProxies: [],
        proxyProtocol: false,
        maxConnectionsPerIp: 0,
        workers: 1,
        httpsPort: null,
        metricsPort: null,
        letsEncryptEmail: null,
        acmeDirectory: null,
        acmeCaFile: null,
        accessLog: null,
        logFormat: 'text',
        debug: false,
      },
      said: [],
      filePath: null,
      warnings: [],
    });
  });

  test('data goes where XDG says, unless that is relative', () => {
    expect(load({ env: { XDG_DATA_HOME: '/var/data' } }).config.dataDir).toBe('/var/data/luma');
    expect(load({ env: { XDG_DATA_HOME: 'data' } }).config.dataDir).toBe('/home/ada/.local/share/luma');
  });
});

describe('precedence', () => {
  test('is flag, then variable, then file, then default', () => {
    const path = writeFile('http_port: 1001\napi_port: 1002\nworkers: 3\nlog_format: json\n');
    const { config, filePath, said } = load({
      flags: { http_port: '3001', log_format: 'text' },
      env: { LUMA_HTTP_PORT: '2001', LUMA_API_PORT: '2002', LUMA_WORKERS: '' },
    });
    expect(filePath).toBe(path);
    expect(said).toEqual(['http_port', 'api_port', 'workers', 'log_format']);
    expect([config.httpPort, config.apiPort, config.workers, config.logFormat]).toEqual([
      3001,
      2002,
      3,
      'text',
    ]);
    expect(config.httpHost).toBe('127.0.0.1');
  });

  test('a named file is read instead of the one in the working directory', () => {
    writeFile('workers: 3');
    writeFile('workers: 5', 'other.yml');
    expect(load({ file: 'other.yml' }).config.workers).toBe(5);
    expect(load({ env: { LUMA_CONFIG: join(cwd, 'other.yml') } }).config.workers).toBe(5);
  });
});

describe('paths', () => {
  test('of flags are relative to the working directory, those of a file to the file, and ~ is the home', () => {
    writeFile('data_dir: state\nproxy_socket: ~/proxy.sock\n');
    expect(load().config).toMatchObject({ dataDir: join(cwd, 'state'), proxySocket: '/home/ada/proxy.sock' });
    expect(load({ flags: { data_dir: '../x' } }).config.dataDir).toBe(join(cwd, '../x'));
  });
});

describe('trusted proxies', () => {
  test('are a list of ranges, however they are said', () => {
    writeFile('trusted_proxies: 10.0.0.0/8, fd00::/8');
    expect(load().config.trustedProxies).toEqual(['10.0.0.0/8', 'fd00::/8']);
    expect(load({ flags: { trusted_proxies: '::1' } }).config.trustedProxies).toEqual(['::1']);
  });
});

describe('a switch', () => {
  test('is on by its flag, a variable or the file', () => {
    expect(load({ flags: { debug: true } }).config.debug).toBe(true);
    expect(load({ env: { LUMA_DEBUG: '1' } }).config.debug).toBe(true);
    writeFile('debug: true');
    expect(load().config.debug).toBe(true);
    expect(load({ env: { LUMA_DEBUG: 'false' } }).config.debug).toBe(false);
  });
});

describe('a bad value', () => {
  test.each([
    ['http_port', '0'],
    ['http_port', '65536'],
    ['http_port', '80a'],
    ['http_port', '-1'],
    ['http_port', '1e3'],
    ['http_host', 'not a host'],
    ['http_host', 'http://localhost'],
    ['http_host', 'example.com'],
    ['api_host', '0.0.0.0'],
    ['api_host', '192.168.1.5'],
    ['runtime', 'podman'],
    ['runtime', 'Docker'],
    ['shutdown_timeout', '30'],
    ['shutdown_timeout', '2h'],
    ['shutdown_timeout', '-1s'],
    ['access_log', '-'],
    ['workers', '1.5'],
    ['workers', '257'],
    ['log_format', 'xml'],
    ['trusted_proxies', '10.0.0.1/8'],
    ['trusted_proxies', '10.0.0.1,'],
    ['max_connections_per_ip', '-1'],
    ['data_dir', 'a\0b'],
  ] as const)('of --%s is refused: %p', (key, value) => {
    const error = refused({ flags: { [key]: value } });
    expect(error.message).toContain(JSON.stringify(value));
    expect(error.message).toContain(`--${key.replaceAll('_', '-')}`);
    expect(error.message).toContain('it must be');
    expect(error.fields.map(({ field }) => field)).toEqual([key]);
  });

  test('of a variable names the variable', () => {
    expect(refused({ env: { LUMA_API_PORT: 'x' } }).message).toContain('LUMA_API_PORT');
  });

  test('of the file names the file, the line and the key', () => {
    const path = writeFile('# mine\nworkers: many\n');
    expect(refused().message).toContain(`workers in ${path}, line 2`);
  });

  test.each([
    'workers: [1]',
    'workers: null',
    'http_port: true',
    'debug: 1',
    'shutdown_timeout: 30',
    'data_dir: ""',
  ])('in the file is refused: %s', (text) => {
    writeFile(text);
    expect(refused().fields).toHaveLength(1);
  });

  test('is told together with all others', () => {
    writeFile('wrokers: 1\nhttp_port: x\n');
    const error = refused({ flags: { api_port: '0' } });
    expect(error.message).toBe('3 settings are wrong');
    expect(error.fields.map(({ field }) => field)).toEqual(['wrokers', 'http_port', 'api_port']);
  });
});

describe('an unknown key', () => {
  test('in the file is named with its line and what was probably meant', () => {
    writeFile('workers: 2\nhttp-prot: 80\n');
    expect(refused().message).toMatch(/line 2: there is no setting http-prot; did you mean http_port\?/);
  });

  test('in the file that resembles nothing lists what there is', () => {
    writeFile('colour: red\n');
    expect(refused().message).toMatch(/no setting colour; the settings are http_host, http_port/);
  });

  test.each(['constructor: 1', '__proto__: 1', 'toString: x'])('is no property of an object: %s', (text) => {
    writeFile(text);
    expect(refused().fields).toHaveLength(1);
  });

  test('among the variables is an error when it is nearly one of ours, and else a warning', () => {
    expect(refused({ env: { LUMA_HTTP_PROT: '80' } }).message).toContain('did you mean LUMA_HTTP_PORT?');
    expect(load({ env: { LUMA_COLOUR: 'red' } }).warnings).toEqual([
      'LUMA_COLOUR is no setting of Luma and is ignored',
    ]);
  });

  test('is none of the proxy’s, the client’s or an instance’s variables', () => {
    const env = { LUMA_PROXY_HTTP_PORT: '1', LUMA_API_URL: 'x', LUMA_INSTANCE_ID: 'i', LUMA_TEST_LONG: '1' };
    expect(load({ env }).warnings).toEqual([]);
  });
});

describe('a file', () => {
  test.each(['', '# nothing\n', '---\n'])('may be empty: %p', (text) => {
    writeFile(text);
    expect(load().config.workers).toBe(1);
  });

  test.each([
    '- a\n',
    'just text',
    'a: [',
    'workers: 1\nworkers: 2\n',
    'workers: *missing',
    'workers: !!js 1',
  ])('that is no flat mapping is refused: %p', (text) => {
    writeFile(text);
    expect(refused().message).toContain('luma.config.yml');
  });

  test('that was named must exist and be readable', () => {
    expect(refused({ file: 'missing.yml' }).message).toContain('missing.yml cannot be read');
    writeFileSync(join(cwd, 'binary.yml'), new Uint8Array([0xff, 0xfe, 0]));
    expect(refused({ file: 'binary.yml' }).message).toContain('cannot be read');
  });
});
