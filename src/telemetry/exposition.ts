/** Metrics as Prometheus reads them (text format 0.0.4): families of samples, written in the order they are given. */

export type MetricType = 'counter' | 'gauge' | 'histogram';
export type Labels = Readonly<Record<string, string>>;

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export class Exposition {
  #text = '';
  #name = '';

  /** What follows belongs to this one, until the next. */
  family(name: string, type: MetricType, help: string): void {
    this.#name = name;
    this.#text += `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`;
  }

  sample(labels: Labels, value: number): void {
    this.#write(this.#name, labels, value);
  }

  /** `counts` has one number per bound and one for what is beyond the last; not cumulated. */
  histogram(labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number): void {
    let below = 0;
    for (const [index, bound] of bounds.entries()) {
      below += counts[index] ?? 0;
      this.#write(`${this.#name}_bucket`, { ...labels, le: String(bound) }, below);
    }
    below += counts[bounds.length] ?? 0;
    this.#write(`${this.#name}_bucket`, { ...labels, le: '+Inf' }, below);
    this.#write(`${this.#name}_sum`, labels, sum);
    this.#write(`${this.#name}_count`, labels, below);
  }

  get text(): string {
    return this.#text;
  }

  #write(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapedLabel(text)}"`);
    this.#text += `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  }
}

function escapedHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapedLabel(text: string): string {
  return escapedHelp(text).replaceAll('"', '\\"');
}
