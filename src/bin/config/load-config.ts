/** Puts the settings together: a flag wins over a variable, that over the file, that over the default. */
import { type FieldProblem, LumaError } from '../../base/errors.ts';
import { closestTo } from './closest.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import type { SettingPlace } from './setting-kind.ts';
import {
  flagOf,
  isSettingKey,
  type LumaConfig,
  propertyOf,
  type Setting,
  type SettingKey,
  settingKeys,
  settings,
  variableOf,
} from './settings.ts';

export interface ConfigSources {
  /** What the command line said, by setting; unknown flags never get here. */
  readonly flags: Readonly<Partial<Record<SettingKey, string | boolean>>>;
  /** `--config`. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
}

export interface LoadedConfig {
  readonly config: LumaConfig;
  /** What somebody said; the others have their defaults. */
  readonly said: readonly SettingKey[];
  /** Which file was read, if any. */
  readonly filePath: string | null;
  /** What a person should know although it is no error. */
  readonly warnings: readonly string[];
}

interface Found {
  readonly value: unknown;
  /** `--http-port`, `LUMA_HTTP_PORT`, or `http_port in /etc/luma.config.yml, line 3`. */
  readonly source: string;
  readonly place: SettingPlace;
}

const FILE_VARIABLE = 'LUMA_CONFIG';

/** Variables that begin like ours and are none of the platform's settings. */
const otherVariables =
  /^LUMA_(?:CONFIG|API_URL|(?:PROXY|TEST|ENGINE)_.*|SERVICE|REVISION|CONFIGURATION|INSTANCE_ID)$/;

export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = readConfigFile(sources.cwd, sources.file ?? nonEmpty(sources.env[FILE_VARIABLE]));
  const problems: FieldProblem[] = [...unknownKeys(file), ...misspelledVariables(sources.env)];
  const values = settingKeys.map((key) => {
    const found = find(key, sources, file);
    if (!found) return [propertyOf(key), (settings[key] as Setting<unknown>).initial(sources)];
    const parsed = (settings[key] as Setting<unknown>).kind.schema(found.place).safeParse(found.value);
    if (!parsed.success) problems.push(badValue(key, found));
    return [propertyOf(key), parsed.data];
  });
  if (problems.length > 0) throw refusal(problems);
  return {
    config: Object.fromEntries(values) as LumaConfig,
    said: settingKeys.filter((key) => find(key, sources, file) !== null),
    filePath: file?.path ?? null,
    warnings: strangeVariables(sources.env).map((name) => `${name} is no setting of Luma and is ignored`),
  };
}

/** An empty variable counts as not set, as `FOO= luma up` means it. */
function find(key: SettingKey, sources: ConfigSources, file: ConfigFile | null): Found | null {
  const { flags, env, cwd, home } = sources;
  const flag = flags[key];
  if (flag !== undefined) return { value: flag, source: flagOf(key), place: { directory: cwd, home } };
  const variable = nonEmpty(env[variableOf(key)]);
  if (variable !== undefined) {
    return { value: variable, source: variableOf(key), place: { directory: cwd, home } };
  }
  const entry = file?.entries.find((candidate) => candidate.key === key);
  if (!file || !entry) return null;
  return {
    value: entry.value,
    source: `${key} in ${file.path}, line ${entry.line}`,
    place: { directory: file.directory, home },
  };
}

function badValue(key: SettingKey, { value, source }: Found): FieldProblem {
  const shown = JSON.stringify(value) ?? String(value);
  return {
    field: key,
    message: `${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown} is not allowed for ${source}: it must be ${settings[key].kind.allowed}`,
    value,
  };
}

function unknownKeys(file: ConfigFile | null): readonly FieldProblem[] {
  return (file?.entries ?? [])
    .filter(({ key }) => !isSettingKey(key))
    .map(({ key, line, value }) => {
      const closest = closestTo(key.replaceAll('-', '_'), settingKeys);
      const known = closest ? `did you mean ${closest}?` : `the settings are ${settingKeys.join(', ')}`;
      return {
        field: key,
        message: `${file?.path}, line ${line}: there is no setting ${key}; ${known}`,
        value,
      };
    });
}

/** A variable that is nearly ours was meant for us: to ignore it would be to run with the wrong setting. */
function misspelledVariables(env: ConfigSources['env']): readonly FieldProblem[] {
  return foreignVariables(env).flatMap((name) => {
    const closest = closestTo(name, settingKeys.map(variableOf));
    if (!closest) return [];
    return [
      { field: name, message: `there is no setting ${name}; did you mean ${closest}?`, value: env[name] },
    ];
  });
}

function strangeVariables(env: ConfigSources['env']): readonly string[] {
  return foreignVariables(env).filter((name) => !closestTo(name, settingKeys.map(variableOf)));
}

function foreignVariables(env: ConfigSources['env']): readonly string[] {
  const known = new Set(settingKeys.map(variableOf));
  return Object.keys(env).filter(
    (name) => name.startsWith('LUMA_') && !known.has(name) && !otherVariables.test(name),
  );
}

function refusal(problems: readonly FieldProblem[]): LumaError {
  const [first] = problems;
  const message = problems.length === 1 && first ? first.message : `${problems.length} settings are wrong`;
  return new LumaError('config_invalid', message, {
    hint: 'see luma up --help for every setting',
    fields: problems,
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
