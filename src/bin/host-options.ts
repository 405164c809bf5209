/** The flags of `luma up` and `luma server`, made from the settings, and back from flags to settings. */
import type { OptionSpec } from '../cli/luma/index.ts';
import {
  flagOf,
  initialTextOf,
  type SettingKey,
  type SettingUser,
  settingKeys,
  settings,
  variableOf,
} from './config/settings.ts';

const configOption: OptionSpec = {
  name: 'config',
  placeholder: 'file',
  summary: 'read settings from this file (LUMA_CONFIG; default: luma.config.yml here, if there is one)',
};

export function hostOptions(user: SettingUser): readonly OptionSpec[] {
  const own = settingKeys.filter((key) => settings[key].users.includes(user));
  return [...own.map(optionOf), configOption];
}

export interface HostFlags {
  readonly flags: Readonly<Partial<Record<SettingKey, string | boolean>>>;
  readonly file?: string;
}

export function readHostFlags(
  given: Readonly<Record<string, string | boolean | readonly string[]>>,
): HostFlags {
  const flags: Partial<Record<SettingKey, string | boolean>> = {};
  for (const key of settingKeys) {
    const value = given[flagOf(key).slice(2)];
    if (typeof value === 'string' || typeof value === 'boolean') flags[key] = value;
  }
  const file = given['config'];
  return { flags, ...(typeof file === 'string' ? { file } : {}) };
}

function optionOf(key: SettingKey): OptionSpec {
  const { kind, summary } = settings[key];
  const text = `${summary} (${variableOf(key)}; default: ${initialTextOf(key)})`;
  const name = flagOf(key).slice(2);
  return kind.placeholder ? { name, placeholder: kind.placeholder, summary: text } : { name, summary: text };
}
