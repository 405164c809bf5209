/** Sizes as people write them: `500KB`, `10MB`, `1.5GB`, `2048` (bytes). 1 KB is 1024 bytes. */

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** The largest size that can be written: 1,024 GB. */
export const BYTE_SIZE_MAX = 1024 ** 4;

/** Whole bytes, or null when the text is no size. */
export function parseByteSize(text: string): number | null {
  const [, amount = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?)(B|KB|MB|GB)?$/i.exec(text) ?? [];
  if (amount === '') return null;
  const bytes = Number(amount) * units[unit.toUpperCase()]!;
  return Number.isInteger(bytes) && bytes <= BYTE_SIZE_MAX ? bytes : null;
}

/** The shortest exact form that `parseByteSize` reads back: `10MB`, `1.5KB`, `1000B`. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['GB', 'MB', 'KB']) {
    const text = `${bytes / units[unit]!}${unit}`;
    if (bytes >= units[unit]! && parseByteSize(text) === bytes && text.length <= 8) return text;
  }
  return `${bytes}B`;
}
