import { describe, expect, test } from 'bun:test';
import { initComplaint, programPaths } from './program-check.ts';

describe('where a program is looked for', () => {
  test('by its path alone, from the working directory', () => {
    expect(programPaths('/bin/app', '/srv', [])).toEqual(['/bin/app']);
    expect(programPaths('./app', '/srv', [])).toEqual(['/srv/app']);
    expect(programPaths('bin/app', '', [])).toEqual(['/bin/app']);
  });

  test('in the PATH of the image, or in the usual folders', () => {
    expect(programPaths('app', '', ['A=b', 'PATH=/opt/bin:/bin'])).toEqual(['/opt/bin/app', '/bin/app']);
    expect(programPaths('app', '', [])).toContain('/usr/local/bin/app');
  });
});

test('the complaint of the init is found in a log', () => {
  const log = 'x\n[FATAL tini (7)] exec nosuch failed: No such file or directory\n';
  expect(initComplaint(log)).toBe('exec nosuch failed: No such file or directory');
  expect(initComplaint('exit 127\n')).toBeNull();
});
